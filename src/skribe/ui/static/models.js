// A registered model: its aliases, description, tags and versions are changed here, one sentence after each.
(() => {
  "use strict";

  const skribe = window.skribe;
  const { el } = skribe;
  const model = skribe.data().model;
  if (!model) return;
  const { name } = model;
  const short = (text) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
  const numbered = (version) => (version === undefined || version === "" ? {} : { version: Number(version) });

  async function change(what) {
    try {
      await skribe.actAndReload({ name, ...what });
      return true;
    } catch (problem) {
      skribe.toast(problem.message, { bad: true });
      return false;
    }
  }

  // -- aliases

  const form = document.getElementById("alias-form");

  /** Say before it is pressed whether an alias is new or moves. */
  function tellAlias() {
    const button = document.getElementById("alias-set");
    const alias = form.elements.alias.value.trim().replace(/^@/, "");
    const at = Object.hasOwn(model.aliases, alias) ? model.aliases[alias] : null;
    const to = Number(form.elements.version.value);
    button.textContent = at === null ? "Set alias" : at === to ? "Already there" : `Move from ${at}`;
    button.disabled = at === to;
  }

  if (form) {
    form.addEventListener("input", tellAlias);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const alias = form.elements.alias.value.trim().replace(/^@/, "");
      change({ do: "set_alias", alias, version: Number(form.elements.version.value) });
    });
  }

  // -- descriptions

  function edit(version) {
    const holder = document.getElementById(version ? `description-${version}` : "description");
    if (holder.querySelector("textarea")) return holder.querySelector("textarea").focus();
    const before = [...holder.childNodes];
    const area = el("textarea", { class: "input", rows: "4", maxlength: "100000", "aria-label": version ? `Description of version ${version}` : "Description" });
    area.value = holder.dataset.text;
    const save = el("button", { type: "button", class: "button primary small", text: "Save" });
    const cancel = el("button", { type: "button", class: "button small", text: "Cancel" });
    const finish = () => {
      holder.replaceChildren(...before);
      document.querySelector(version ? `[data-describe="${version}"]` : '[data-describe=""]').focus();
    };
    const keep = () => change({ do: "describe_model", text: area.value, ...numbered(version) });
    save.addEventListener("click", keep);
    cancel.addEventListener("click", finish);
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") finish();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep();
    });
    holder.replaceChildren(area, el("div", { class: "toolbar" }, save, cancel, el("span", { class: "muted small", text: "Plain text" })));
    return area.focus();
  }

  // -- tags

  document.querySelector("[data-tag]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const { key, value } = event.target.elements;
    change({ do: "tag_model", key: key.value.trim(), value: value.value });
  });

  const tagVersion = (version) => skribe.ask(`Add a tag to version ${version}`, [{ label: "Tag", required: true, maxlength: "500" }, { label: "Value", maxlength: "5000" }], "Add", ([key, value]) =>
    skribe.actAndReload({ name, do: "tag_model", key, value, ...numbered(version) }));

  // -- names, versions, the trash

  const rename = () => skribe.ask("Rename the model", [{ label: "New name", value: name, required: true, maxlength: "250" }], "Rename", async ([renamed]) => {
    if (!renamed || renamed === name) return;
    skribe.remember("skribe.said", await skribe.act({ do: "rename_model", name, new: renamed }));
    window.location.href = skribe.url("model", { name: renamed });
  });

  async function trashModel() {
    const agreed = await skribe.confirm(`Move the model “${short(name)}” with all its versions to the trash?\nCode that loads it by name stops working until it is restored.`, { action: "Move to trash", bad: true });
    if (!agreed) return;
    try {
      skribe.remember("skribe.said", await skribe.act({ do: "delete_model", name }));
      window.location.href = skribe.url("models");
    } catch (problem) {
      skribe.toast(problem.message, { bad: true });
    }
  }

  async function trashVersion(version) {
    const aliases = Object.entries(model.aliases).filter(([, at]) => at === Number(version)).map(([alias]) => `@${short(alias)}`);
    const also = aliases.length ? `\nIts ${aliases.length === 1 ? "alias" : "aliases"} ${aliases.join(", ")} will mean nothing any more.` : "";
    const agreed = await skribe.confirm(`Move version ${version} of “${short(name)}” to the trash?${also}`, { action: "Move to trash", bad: true });
    if (agreed) change({ do: "delete_version", version: Number(version) });
  }

  const ON = {
    describe: (version) => edit(version),
    unalias: (alias) => change({ do: "delete_alias", alias }),
    untag: (key, { version }) => change({ do: "untag_model", key, ...numbered(version) }),
    tagVersion,
    trashVersion,
    restoreVersion: (version) => change({ do: "restore_version", version: Number(version) }),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.id === "rename") rename();
    else if (button.id === "trash-model") trashModel();
    else for (const [key, act] of Object.entries(ON)) if (key in button.dataset) act(button.dataset[key], button.dataset);
  });

  document.addEventListener("change", async (event) => {
    const select = event.target.closest?.("[data-stage]");
    if (!select) return;
    const version = Number(select.dataset.version);
    const was = model.versions.find((one) => one.version === version)?.stage ?? "None";
    if (!(await change({ do: "set_stage", version, stage: select.value }))) select.value = was;
  });
})();
