"""The command line: `optin init`, `demo`, `check`, `run`, `validate`, `restore`.

Exit code 0: done. 1: the data or the policy's conditions are violated, nothing was
published. 2: could not evaluate (bad policy, missing input, wrong usage).

Beam, spaCy and Great Expectations are imported by the commands that need them, so that
`optin --help` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer

from ..policies.errors import OptinError

__all__ = ["app", "main"]

app = typer.Typer(
    name="optin",
    help="Consent-aware training sets: only what people agreed to, k people at least.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PolicyPath = Annotated[Path, typer.Argument(help="The policy, a YAML file.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"optin {installed_version('optin')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # its callback does the work
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Turn raw events into training sets that hold only what people agreed to."""


@app.command()
def init(
    source: Annotated[str, typer.Argument(help="Raw events: file, folder or glob.")],
    output: Annotated[Path, typer.Option(help="The new policy.")] = Path("policy.yaml"),
    root: Annotated[
        str | None, typer.Option(help="Object that all columns are relative to.")
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(help="Column that names the person; may be given again."),
    ] = None,
    consent: Annotated[
        str | None, typer.Option(help="Column that says who agreed.")
    ] = None,
) -> None:
    """Look at an input and write the draft of a policy, with hierarchies, to start from."""
    from .proposal import propose_policy

    done = propose_policy(
        source, output, root=root, subject=tuple(subject or ()), consent=consent
    )
    for finding in done.findings:
        typer.echo(str(finding))
    for todo in done.todo:
        typer.echo(f"to do: {todo}")
    typer.echo(
        f"{done.path}: a draft after {done.records:,} records · {done.columns} columns, "
        f"{done.quasi} of them quasi-identifiers · read it, then: optin check {done.path}"
    )


@app.command()
def check(
    policy: PolicyPath,
    input_path: Annotated[
        str | None, typer.Option("--input", help="Look at this, not at input.path.")
    ] = None,
    look: Annotated[
        bool,
        typer.Option(
            "--look/--no-look", help="Look at names and first records of the input."
        ),
    ] = True,
) -> None:
    """Check a policy; where its input is at hand, hold the two against each other."""
    from ..policies import check_policy

    loaded, findings = check_policy(policy)
    for finding in findings:
        typer.echo(str(finding))
    errors = sum(finding.code.startswith("E") for finding in findings)
    if errors or loaded is None:
        typer.echo(f"{errors} error{'' if errors == 1 else 's'}")
        raise typer.Exit(2)
    from .lint import lint_consent, lint_input, profile_of
    from .preflight import RunOptions, instant_of, overridden, require_model

    require_model(loaded)
    profile = profile_of(loaded, policy.parent)
    if profile is not None:
        typer.echo(
            f"profile {profile.name}: status {profile.status} · "
            f"{'; '.join(profile.sources)}"
        )
    if look:
        asked = overridden(loaded, RunOptions(input_path=input_path))
        now = int(instant_of(None).timestamp() * 1_000_000)
        faults = lint_consent(asked, now)
        for message in faults:
            typer.echo(f"consent: error: {message}")
        lint = lint_input(asked, profile)
        if lint is None:
            typer.echo(f"input {asked.input.path}: not at hand, not looked at")
        else:
            for message in lint.warnings:
                typer.echo(f"input: warning: {message}")
            for message in lint.errors:
                typer.echo(f"input: error: {message}")
            faults += lint.errors
        if faults:
            raise typer.Exit(2)
    typer.echo(
        f"{policy}: ok · data set {loaded.name} · purpose {loaded.purpose} · "
        f"{len(loaded.published_columns)} of {len(loaded.columns)} columns published · "
        f"k = {loaded.anonymity.k} people over {', '.join(loaded.quasi_identifiers)}"
    )


@app.command()
def run(
    context: typer.Context,
    policy: PolicyPath,
    input_path: Annotated[
        str | None, typer.Option("--input", help="Read this instead of input.path.")
    ] = None,
    output_path: Annotated[
        str | None, typer.Option("--output", help="Publish here, not at output.path.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="The instant the run speaks about, ISO 8601 with a zone; now by "
            "default. The same instant repeats a run to the byte."
        ),
    ] = None,
    result_json: Annotated[
        Path | None, typer.Option("--json", help="Write the run's account here.")
    ] = None,
    text_workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that read text once there is much of it, with the local "
            "runner. By default one per core, four at most; 0: none.",
        ),
    ] = None,
) -> None:
    """Run a policy: read, gate, de-identify, k-anonymise, validate, publish.

    What stands after `--` goes to Beam: `optin run policy.yaml -- --runner=FlinkRunner`.
    """
    from .failures import quiet_libraries

    quiet_libraries()
    from .runner import cores
    from .summary import check_json_path, print_summary
    from .training_set import RunOptions, run_policy

    check_json_path(result_json)
    options = RunOptions(
        input_path=input_path,
        output_path=output_path,
        as_of=as_of,
        runner_flags=tuple(context.obj or ()),
        text_workers=cores() if text_workers is None else text_workers,
    )
    with _stopping_cleanly():
        result = run_policy(policy, options, progress=_progress)
    _finish(result, result_json, print_summary)


@app.command()
def demo(
    events: Annotated[
        int, typer.Option(min=100, help="How many events to generate.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Same seed, same events.")] = 7,
    folder: Annotated[Path, typer.Option(help="Where the demo puts its files.")] = Path(
        "optin-demo"
    ),
) -> None:
    """Generate mobile-ad events with known truth and run the main job on them."""
    from .failures import quiet_libraries

    quiet_libraries()
    from .demo import run_demo
    from .summary import print_summary

    with _stopping_cleanly():
        result = run_demo(folder, events=events, seed=seed, progress=_progress)
    _finish(result, None, print_summary)


@app.command()
def validate(
    data: Annotated[Path, typer.Option(help="Data set: file or folder.")],
    suite: Annotated[
        Path | None, typer.Option(help="Great Expectations suite.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="The data set's policy: its promises are checked again."),
    ] = None,
    result_json: Annotated[
        Path | None, typer.Option("--json", help="Write the results here.")
    ] = None,
) -> None:
    """Validate a data set against a Great Expectations suite, its policy, or both."""
    from .summary import check_json_path, print_validation, write_json
    from .validation import validate_data

    check_json_path(result_json)
    report = validate_data(data, suite=suite, policy=policy)
    print_validation(report)
    if result_json is not None:
        write_json(result_json, report.to_json())
    if not report.success:
        raise typer.Exit(1)


@app.command()
def restore(
    policy: Annotated[Path, typer.Option(help="The policy of the release.")],
    source: Annotated[
        Path, typer.Option("--input", help="A Parquet file of the release.")
    ],
    column: Annotated[str, typer.Option(help="The column that was encrypted.")],
    output: Annotated[Path, typer.Option(help="A new Parquet file.")],
    reason: Annotated[str, typer.Option(help="Why; it goes to the audit.")],
) -> None:
    """Decrypt an `encrypt` column for holders of its key; the audit says who asked."""
    from .failures import quiet_libraries

    quiet_libraries()
    from .restore import restore_column

    done = restore_column(policy, source, column, output, reason)
    typer.echo(
        f"restored {done.values:,} of {done.rows:,} values of {column} to "
        f"{done.output}; noted in {done.audit}"
    )


class _Stop:
    """Remembers a signal: what it raises can get lost, in a finaliser for one."""

    number: int | None = None

    @classmethod
    def told(cls) -> int | None:
        """Give the signal that came, if one did."""
        return cls.number

    @classmethod
    def now(cls, number: int, _: object) -> None:
        """Take a signal."""
        cls.number = number
        raise SystemExit(128 + number)


@contextmanager
def _stopping_cleanly() -> Iterator[None]:
    """Let a run that is told to stop clear its staging away, and say so."""
    _Stop.number = None
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, _Stop.now) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if _Stop.told() is not None:
            typer.echo("optin: told to stop; staging is cleared away", err=True)


def _progress(step: str) -> None:
    """Say on the error stream what is going on; the result stays on the other."""
    if _Stop.number is not None:
        raise SystemExit(128 + _Stop.number)
    typer.echo(f"· {step}", err=True)


def _finish(
    result: Any, path: Path | None, print_summary: Callable[[Any], None]
) -> None:
    from .summary import write_json

    print_summary(result)
    if path is not None:
        write_json(path, result.to_json())
    if result.refused is not None:
        typer.echo(f"optin: nothing was published: {result.refused}", err=True)
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an expected failure is one clear message, no traceback.

    Args:
        arguments: words of the command line; those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # What follows -- is Beam's; a stray word before it is an error, not a flag.
    cut = words.index("--") if "--" in words else len(words)
    try:
        app(words[:cut], obj=words[cut + 1 :])
    except OptinError as error:
        typer.echo(f"optin: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        # Its text may quote a record, and 1 would mean that the data was judged.
        if os.environ.get("OPTIN_TRACEBACK") == "1":
            raise
        name = type(error).__name__
        typer.echo(f"optin: failed ({name}); OPTIN_TRACEBACK=1 shows where", err=True)
        sys.exit(2)
