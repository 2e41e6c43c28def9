"""`role_of`: which estimators are models, by their classes alone."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SelectKBest, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from skribe.capture import display_name, role_of


class Mine(TransformerMixin, BaseEstimator):
    def fit(self, X: Any, y: Any = None) -> Any:
        return self

    def transform(self, X: Any) -> Any:
        return X


class Both(Mine):
    def predict(self, X: Any) -> Any:
        return X


class Careful(BaseEstimator):
    def fit(self, X: Any, y: Any = None) -> Any:
        return self

    @property
    def predict(self) -> Any:
        raise AssertionError("asked")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("asked")


class Classifier(ClassifierMixin, BaseEstimator):
    def fit(self, X: Any, y: Any) -> Any:
        return self


class Scaler(StandardScaler):
    pass


class Reduced(NMF):
    pass


class Sampler(BaseEstimator):
    def fit(self, X: Any, y: Any) -> Any:
        return self

    def fit_resample(self, X: Any, y: Any) -> Any:
        return X, y


class Nothing:
    pass


model = LogisticRegression()


@pytest.mark.parametrize(
    ("estimator", "role"),
    [
        (model, "model"),
        (LogisticRegressionCV(), "model"),
        (RandomForestClassifier(), "model"),
        (VotingClassifier([("a", model)]), "model"),
        (KMeans(), "model"),
        (PCA(), "model"),
        (NMF(), "model"),
        (TSNE(), "model"),
        (PLSRegression(), "model"),
        (RFE(model), "model"),
        (RFECV(model), "model"),
        (SelectFromModel(model), "model"),
        (SequentialFeatureSelector(model), "model"),
        (TransformedTargetRegressor(), "model"),
        (TunedThresholdClassifierCV(model), "model"),
        (make_pipeline(StandardScaler()), "model"),
        (Both(), "model"),
        (Careful(), "model"),
        (Classifier(), "model"),
        (Reduced(), "model"),
        (StandardScaler(), "preprocessing"),
        (OneHotEncoder(), "preprocessing"),
        (LabelEncoder(), "preprocessing"),
        (SimpleImputer(), "preprocessing"),
        (KNNImputer(), "preprocessing"),
        (TfidfVectorizer(), "preprocessing"),
        (HashingVectorizer(), "preprocessing"),
        (SelectKBest(), "preprocessing"),
        (Nystroem(), "preprocessing"),
        (GaussianRandomProjection(), "preprocessing"),
        (ColumnTransformer([]), "preprocessing"),
        (FeatureUnion([]), "preprocessing"),
        (FrozenEstimator(model), "preprocessing"),
        (Mine(), "preprocessing"),
        (Scaler(), "preprocessing"),
        (Sampler(), "preprocessing"),
        (GridSearchCV(model, {}), "search"),
        (RandomizedSearchCV(model, {}), "search"),
        (type("MySearch", (GridSearchCV,), {})(model, {}), "search"),
        (Nothing(), "unknown"),
        (None, "unknown"),
        (3, "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_role(estimator: Any, role: str) -> None:
    assert role_of(estimator) == role
    assert role_of(estimator) == role
    assert role_of(type(estimator)) == role
    assert display_name(estimator) == type(estimator).__name__


def test_subclasses_of_a_pipeline_are_models() -> None:
    assert role_of(type("MyPipeline", (Pipeline,), {})([("a", StandardScaler())])) == "model"


def test_classes_that_are_gone_are_not_kept() -> None:
    cls = type("Passing", (BaseEstimator,), {"fit": lambda self, X: self})
    role_of(cls())
    there = weakref.ref(cls)
    del cls
    gc.collect()
    assert there() is None
