"""What the privacy expectations share as Great Expectations classes."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.core.suite_parameters import is_suite_parameter
from great_expectations.exceptions import InvalidExpectationConfigurationError
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    BatchExpectation,
    render_suite_parameter_string,
)
from great_expectations.render import (
    LegacyDiagnosticRendererType,
    LegacyRendererType,
    RenderedStringTemplateContent,
)
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.renderer_configuration import (
    RendererConfiguration,
    RendererValueType,
)

from .arguments import given_arguments, measure_of
from .definitions import PRIVACY, Definition, decide_facts
from .measure import ArgumentError
from .pandas_batch import metric_name, provide_metric
from .rendering import counts_in_words, sentence_of

__all__ = ["PrivacyExpectation", "metric_of"]


def metric_of(name: str) -> tuple[str, ...]:
    """Register the metric of an expectation type; give what it depends on."""
    definition = PRIVACY[name]
    provide_metric(definition)
    return (metric_name(definition),)


class PrivacyExpectation(BatchExpectation):
    """A privacy expectation: counts of a pandas batch, held against limits.

    Attributes:
        privacy: its definition; none: this is no expectation by itself.
    """

    privacy: ClassVar[Definition | None] = None

    @classmethod
    def is_abstract(cls) -> bool:
        """Tell Great Expectations whether this is a type of its own."""
        return cls.privacy is None

    @pydantic.root_validator(skip_on_failure=True)
    def _check_arguments(cls, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N805 # a class method in pydantic 1
        assert cls.privacy is not None  # noqa: S101 # only types have arguments
        given = given_arguments(cls.privacy, values)
        if any(is_suite_parameter(value) for value in given.values()):
            return values  # read again when they are known
        try:
            measure_of(cls.privacy, given)
        except ArgumentError as error:
            raise ValueError(str(error)) from None
        return values

    def get_validation_dependencies(
        self,
        execution_engine: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> Any:
        """Name the metric; refuse batches of other engines than pandas.

        Raises:
            InvalidExpectationConfigurationError: the batch is no pandas batch.
        """
        if execution_engine is not None and not isinstance(
            execution_engine, PandasExecutionEngine
        ):
            message = (
                f"{type(self).__name__} reads pandas batches; this batch is of "
                f"{type(execution_engine).__name__}. Read the data as a DataFrame, or "
                "check files with `optin validate`"
            )
            raise InvalidExpectationConfigurationError(message)
        return super().get_validation_dependencies(
            execution_engine, runtime_configuration
        )

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        del runtime_configuration, execution_engine
        assert self.privacy is not None  # noqa: S101 # only types are validated
        kwargs = given_arguments(self.privacy, self._get_success_kwargs())
        (name,) = self.metric_dependencies
        try:
            measure = measure_of(self.privacy, kwargs)
        except ArgumentError as error:
            return {"success": False, "result": {"details": {"problem": str(error)}}}
        outcome = decide_facts(measure, metrics.get(name))
        details = dict(outcome.counts)
        if outcome.detail:
            details["problem"] = outcome.detail
        result: dict[str, Any] = {"details": details}
        if outcome.observed is not None:
            result["observed_value"] = outcome.observed
        return {"success": outcome.success, "result": result}

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: Any) -> Any:
        assert cls.privacy is not None  # noqa: S101 # only types are rendered
        template, shown = sentence_of(cls.privacy, renderer_configuration.kwargs)
        for name, text in shown.items():
            renderer_configuration.add_param(
                name=name, param_type=RendererValueType.STRING, value=text
            )
        renderer_configuration.template_str = template
        return renderer_configuration

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    @render_suite_parameter_string
    def _prescriptive_renderer(
        cls,
        configuration: Any = None,
        result: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> list[RenderedStringTemplateContent]:
        assert cls.privacy is not None  # noqa: S101 # only types are rendered
        settings: Any = RendererConfiguration(
            configuration=configuration,
            result=result,
            runtime_configuration=runtime_configuration,
        )
        template, shown = sentence_of(cls.privacy, settings.kwargs)
        content = {
            "template": template,
            "params": shown,
            "styling": (runtime_configuration or {}).get("styling") or {},
        }
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template", string_template=content
            )
        ]

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: Any = None,
        result: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> str:
        del configuration, runtime_configuration
        return counts_in_words(None if result is None else result.result)
