"""The command line: what scripts may rely on."""

import json
from pathlib import Path

from tests.support.servers import free_port
from tests.support.shell import run_heliograph, run_process
from tests.support.stack import Stack


def test_a_prompt_becomes_a_file(stack: Stack, project: str, tmp_path: Path) -> None:
    ended = run_process(
        stack, "submit", "a lighthouse", "-k", "portrait", "-p", project,
        "-P", "seconds=0.2", "-P", "seed=7", "-o", str(tmp_path), "--json",
    )  # fmt: skip

    job = json.loads(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    assert job["status"] == "succeeded"
    assert job["parameters"]["seed"] == 7
    [file] = tmp_path.glob("*.png")
    assert file.stat().st_size == job["assets"][0]["bytes"]


def test_progress_is_shown_to_people(stack: Stack, project: str) -> None:
    ended = run_heliograph(stack, "submit", "x", "-p", project, "-P", "seconds=0.2")

    assert "100 %" in ended.stdout
    assert "succeeded" in ended.stdout


def test_a_failed_job_is_exit_code_1(stack: Stack, project: str) -> None:
    ended = run_heliograph(stack, "submit", "x", "-p", project, "-P", "fault=reject")

    assert ended.returncode == 1
    assert "provider_rejected" in ended.stdout


def test_a_refused_request_is_exit_code_2_and_points_at_the_field(
    stack: Stack, project: str
) -> None:
    ended = run_heliograph(stack, "submit", "x", "-p", project, "-P", "steps=none")

    assert ended.returncode == 2
    assert "/parameters/steps" in ended.stderr


def test_a_wrong_word_is_exit_code_2(stack: Stack) -> None:
    assert run_heliograph(stack, "dance").returncode == 2
    assert run_heliograph(stack, "submit", "x", "-P", "nonsense").returncode == 2


def test_an_unreachable_gateway_is_exit_code_3(stack: Stack) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    ended = run_heliograph(stack, "models", HELIOGRAPH_PUBLIC_URL=nowhere)

    assert ended.returncode == 3


def test_jobs_are_listed_got_canceled_and_retried(stack: Stack, project: str) -> None:
    made = run_heliograph(
        stack, "submit", "x", "-p", project, "-P", "seconds=100", "--no-wait", "--json"
    )
    job = json.loads(made.stdout)["id"]

    canceled = run_heliograph(stack, "cancel", job, "--json")
    followed = run_heliograph(stack, "follow", job, "-p", project, "--json")
    got = run_heliograph(stack, "get", job, "--json")
    listed = run_heliograph(stack, "jobs", "-p", project, "--status", "canceled", "--json")
    retried = run_heliograph(stack, "retry", job, "--from", "submit", "--key", "k", "--json")
    run_heliograph(stack, "cancel", json.loads(retried.stdout)["id"])

    assert json.loads(canceled.stdout)["id"] == job
    assert followed.returncode == 1
    assert json.loads(got.stdout)["status"] == "canceled"
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [job]
    assert json.loads(retried.stdout)["retry_of"] == job


def test_batches_are_submitted_canceled_and_retried(
    stack: Stack, project: str, tmp_path: Path
) -> None:
    requests = tmp_path / "requests.jsonl"
    waiting = {"kind": "shot", "prompt": "x", "parameters": {"seconds": 100}}
    lines = [json.dumps({**waiting, "slot": f"shot/{n}"}) for n in range(3)]
    requests.write_text("\n".join(lines))
    where = ("-p", project, "--json")

    made = run_heliograph(stack, "batch", str(requests), "--only-missing", *where)
    again = run_heliograph(stack, "batch", str(requests), "--only-missing", *where)
    batch = made.stderr.strip()
    preview = run_heliograph(stack, "act", "cancel", "--batch", batch, "--dry-run", *where)
    canceled = run_heliograph(stack, "act", "cancel", "--batch", batch, *where)
    unsaid = run_heliograph(stack, "act", "cancel", *where)
    jobs = [json.loads(line)["id"] for line in made.stdout.splitlines()]
    run_heliograph(stack, "follow", *jobs, *where)
    retried = run_heliograph(stack, "act", "retry", *jobs, *where)
    run_heliograph(stack, "act", "cancel", "--kind", "shot", *where)

    assert made.returncode == canceled.returncode == retried.returncode == 0, made.stderr
    assert len(jobs) == 3
    assert [json.loads(line)["id"] for line in again.stdout.splitlines()] == jobs
    assert json.loads(preview.stdout)["count"] == 3
    assert [json.loads(line)["retry_of"] for line in retried.stdout.splitlines()] == jobs
    assert unsaid.returncode == 2


def test_models_and_lanes_are_shown(stack: Stack) -> None:
    models = run_heliograph(stack, "models", "--json").stdout.splitlines()
    lanes = run_heliograph(stack, "lanes").stdout

    assert "sim/picture" in {json.loads(line)["name"] for line in models}
    assert "portraits" in lanes


def test_the_ledger_of_the_sim_is_one_object_a_line(stack: Stack, project: str) -> None:
    run_heliograph(
        stack, "submit", "x", "-p", project, "-P", "seconds=0", "-P", "price=0.01", "--json"
    )

    lines = [
        json.loads(line) for line in run_heliograph(stack, "sim", "ledger").stdout.splitlines()
    ]

    [line] = [line for line in lines if line["project"] == project]
    assert list(line) == [
        "request_id",
        "project",
        "job",
        "attempt",
        "model",
        "price",
        "at",
        "fault",
    ]
    assert (line["attempt"], line["model"], line["price"]) == (1, "sim/picture", "0.01")


def test_usage_is_added_up_by_what_was_asked_for(stack: Stack, project: str) -> None:
    for _ in range(2):
        run_heliograph(stack, "submit", "x", "-p", project, "-P", "seconds=0", "-P", "price=0.01")

    by_model = run_heliograph(stack, "usage", "-p", project, "--by", "model", "--json")

    assert by_model.returncode == 0, by_model.stderr
    [item] = map(json.loads, by_model.stdout.splitlines())
    assert item["model"] == "sim/picture"
    shown = run_heliograph(stack, "usage", "-p", project, "--since", "2020-01-01", "--by", "kind")
    assert "image" in shown.stdout
    assert run_heliograph(stack, "usage", "-p", project, "--since", "long ago").returncode == 2


def test_quotas_are_shown_changed_and_taken_back(stack: Stack, project: str) -> None:
    def quotas(*options: str) -> dict[str, object]:
        ended = run_heliograph(stack, "quotas", "-p", project, "--json", *options)
        assert ended.returncode == 0, ended.stderr
        shown: dict[str, object] = json.loads(ended.stdout)
        return shown

    assert quotas("--jobs-in-flight", "5")["jobs_in_flight"] == 5
    changed = quotas("--of-users", "--requests", "10", "--window", "30")
    assert changed["jobs_in_flight"] == 5
    assert changed["user"] == {
        "requests": {"limit": 10, "window_seconds": 30},
        "jobs_in_flight": None,
        "jobs_queued": None,
    }
    assert quotas("--jobs-in-flight", "0")["jobs_in_flight"] is None
    assert "each user" in run_heliograph(stack, "quotas", "-p", project).stdout
