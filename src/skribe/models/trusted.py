"""The types that a skops file may hold beyond those that skops itself takes to be harmless.

The list is kept here, with the reader: a list that lies beside a model is written by whoever wrote the model. It
was found by writing every estimator of scikit-learn, and made whole by family. Nothing in it is the user's.
"""

from __future__ import annotations

from typing import Final

_KERNELS: Final = (
    "CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation", "Hyperparameter", "Matern",
    "PairwiseKernel", "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel",
)  # fmt: skip
_SPLITTERS: Final = (
    "GroupKFold", "GroupShuffleSplit", "KFold", "LeaveOneGroupOut", "LeaveOneOut", "LeavePGroupsOut", "LeavePOut",
    "PredefinedSplit", "RepeatedKFold", "RepeatedStratifiedKFold", "ShuffleSplit", "StratifiedGroupKFold",
    "StratifiedKFold", "StratifiedShuffleSplit", "TimeSeriesSplit",
)  # fmt: skip
_METRICS: Final = {
    "_classification": (
        "accuracy_score", "balanced_accuracy_score", "brier_score_loss", "cohen_kappa_score", "f1_score",
        "fbeta_score", "hamming_loss", "jaccard_score", "log_loss", "matthews_corrcoef", "precision_score",
        "recall_score", "zero_one_loss",
    ),
    "_ranking": ("average_precision_score", "roc_auc_score", "top_k_accuracy_score"),
    "_regression": (
        "explained_variance_score", "max_error", "mean_absolute_error", "mean_absolute_percentage_error",
        "mean_gamma_deviance", "mean_pinball_loss", "mean_poisson_deviance", "mean_squared_error",
        "mean_squared_log_error", "mean_tweedie_deviance", "median_absolute_error", "r2_score",
        "root_mean_squared_error", "root_mean_squared_log_error",
    ),
}  # fmt: skip
_SCORE_FUNCTIONS: Final = ("chi2", "f_classif", "f_oneway", "f_regression", "r_regression")

# Building one of these keeps what it is given and runs nothing else; the functions only do sums.
HARMLESS: Final = frozenset({
    *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS),
    *(f"sklearn.model_selection._split.{name}" for name in _SPLITTERS),
    *(f"sklearn.metrics.{module}.{name}" for module, names in _METRICS.items() for name in names),
    *(f"sklearn.feature_selection._univariate_selection.{name}" for name in _SCORE_FUNCTIONS),
    *(f"sklearn.feature_selection._mutual_info.mutual_info_{name}" for name in ("classif", "regression")),
    *(f"numpy.{name}" for name in ("dtype", "max", "mean", "median", "min", "std", "sum", "var")),
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.cluster._kmeans._kmeans_single_elkan",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.impute._iterative.IterativeImputer",
    "sklearn.impute._iterative._ImputerTriplet",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
})  # fmt: skip

_DISTANCES: Final = (
    "BrayCurtis", "Canberra", "Chebyshev", "Dice", "Euclidean", "Hamming", "Haversine", "Jaccard", "Mahalanobis",
    "Manhattan", "Minkowski", "RogersTanimoto", "RussellRao", "SEuclidean", "SokalSneath",
)  # fmt: skip

# These trust the numbers that they are made of: a forged one makes the process read where it must not, and crash.
# They are built without a word from files that this store has written and that are still as they were written.
OF_OURS: Final = frozenset({
    *(f"sklearn.metrics._dist_metrics.{name}Distance{bits}" for name in _DISTANCES for bits in ("", "32", "64")),
    *(f"sklearn.neighbors._{kind.lower()[:-4]}_tree.{kind}{bits}" for kind in ("BallTree", "KDTree")
      for bits in ("", "32", "64")),
    "scipy.interpolate._bsplines.BSpline",
    "scipy.sparse._csc.csc_matrix",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
})  # fmt: skip
