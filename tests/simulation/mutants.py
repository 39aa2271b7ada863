"""Does the simulation bite? Puts one bug after the other into a copy of the code and counts the stories until one fails.

Usage: mutants.py [SEEDS] [NAME]: at most so many stories for each bug (default 5000), or only the bug of this name.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutants"

# Name, file, what is there, and the bug.
BUGS = [
    (
        "a chunk is counted as often as it ends",
        "shared/memory/src/jobs.rs",
        "            if counted {\n                job.successful",
        "            {\n                job.successful",
    ),
    (
        "a chunk is counted before its outcomes are stored",
        "shared/pipeline/src/close_chunk.rs",
        "        let outcomes = match self.files",
        "        self.jobs.end_chunk(job.id, chunk, Tally::of(outcomes), 0).await?;\n"
        "        let outcomes = match self.files",
    ),
    (
        "the last outcomes of a chunk count, not the first",
        "shared/memory/src/files.rs",
        "            if state.files.objects.contains_key(&key) {",
        "            if false {",
    ),
    (
        "twins stay where they are in the file",
        "shared/domain/src/plan.rs",
        "(range_of(first) != range_of(last)).then_some((first, group))",
        "(range_of(first) > range_of(last)).then_some((first, group))",
    ),
    (
        "a decision about a person is not remembered",
        "shared/domain/src/matching.rs",
        "let remembered = self.decisions.iter().find(|decision| decision.job == job);",
        "let remembered = self.decisions.iter().find(|decision| decision.job != decision.job && decision.job == job);",
    ),
    (
        "an older job overwrites a newer one",
        "shared/domain/src/record.rs",
        "if last_writer.is_some_and(|last| job < last) {",
        "if last_writer.is_some_and(|last| job < last && last < job) {",
    ),
    (
        "nobody asks whether an older job is under way",
        "shared/pipeline/src/fan_out.rs",
        "job.accept(file, may_overtake, self.clock.now())",
        "job.accept(file, may_overtake && false, self.clock.now())",
    ),
    (
        "a patient is written without the condition of its version",
        "shared/memory/src/patients.rs",
        "            if table.get(&key).map(|stored| stored.version) != version {",
        "            if table.get(&key).map(|stored| stored.version) != version && false {",
    ),
    (
        "chunks are sent before the job is processing",
        "shared/pipeline/src/fan_out.rs",
        "        if self.jobs.change_state(JobStatus::Waiting, &job).await? == Write::Conflict {",
        "        self.send(&job, &plan).await?;\n"
        "        if self.jobs.change_state(JobStatus::Waiting, &job).await? == Write::Conflict {",
    ),
    (
        "the sweep does not send pending chunks again",
        "shared/pipeline/src/sweep.rs",
        "        self.chunks.send_chunks(job.size(), &plan.messages(job, &job.pending_chunks)).await?;",
        "        let _ = plan.messages(job, &job.pending_chunks);",
    ),
    (
        "the sweep does not say that a job is processing",
        "shared/pipeline/src/sweep.rs",
        "        self.abandon.webhooks.send_webhook(&WebhookMessage::about(job)).await?;\n        let plan",
        "        let plan",
    ),
    (
        "the sweep does not look for lost uploads",
        "shared/pipeline/src/sweep.rs",
        "if let Some(upload) = abandon.files.find_upload(job.into()).await? {",
        "if let Some(upload) = abandon.files.find_upload(job.into()).await?.filter(|_| false) {",
    ),
    (
        "a job that has an upload expires",
        "shared/pipeline/src/end_job.rs",
        "Ok(ran_out && files.find_upload(job.into()).await?.is_none())",
        "Ok(ran_out && (files.find_upload(job.into()).await?.is_none() || true))",
    ),
    (
        "the state of a job changes without a condition",
        "shared/memory/src/jobs.rs",
        "get_mut(&job.id).filter(|stored| stored.job.status == from)",
        "get_mut(&job.id).filter(|stored| stored.job.status == from || true)",
    ),
    (
        "queries that were not sent are never sent",
        "shared/pipeline/src/close_chunk.rs",
        "        if job.pending_queries.contains(&chunk) {",
        "        if job.pending_queries.contains(&chunk) && false {",
    ),
    (
        "the queries of a canceled job are not sent again",
        "shared/pipeline/src/import_rows.rs",
        "            close_chunk.send_open_queries(&job, message.chunk).await?;\n",
        "",
    ),
    (
        "a part of the queries is counted as often as it ends",
        "shared/memory/src/jobs.rs",
        "            if parts.open.remove(&part.part) {",
        "            if parts.open.remove(&part.part) || true {",
    ),
    (
        "a lease keeps nobody off",
        "shared/domain/src/query.rs",
        "let is_running = known.outcome.is_none() && known",
        "let is_running = false && known.outcome.is_none() && known",
    ),
    (
        "a query forgets whom it served",
        "shared/domain/src/query.rs",
        "next.served.extend(requests.map(|request| (*request, outcome)));",
        "next.served.extend(requests.map(|request| (*request, outcome)).take(0));",
    ),
    (
        "whoever joined a query is not served by it",
        "shared/domain/src/query.rs",
        "        if self.request == request || self.joined.contains(&request) {\n            return self.outcome;",
        "        if self.request == request {\n            return self.outcome;",
    ),
    (
        "the documents just found are dropped with those of earlier tries",
        "shared/pipeline/src/query_documents.rs",
        "self.patients.drop_documents_before(customer, patient, id).await?;",
        "self.patients.drop_documents_before(customer, patient, QueryTry::new(self.world.new_id())).await?;",
    ),
    (
        "the documents of earlier tries are dropped before the new ones are found",
        "shared/pipeline/src/query_documents.rs",
        "        let conclusion = if query.value.is_exhausted() {\n",
        "        self.patients.drop_documents_before(this.customer, this.patient, this.id).await?;\n"
        "        let conclusion = if query.value.is_exhausted() {\n",
    ),
    (
        "patients whom a job did not change are queried",
        "shared/pipeline/src/import_rows.rs",
        "[record.created_by, record.changed_by].contains(&job.id)",
        "[record.created_by, record.changed_by].contains(&job.id) || true",
    ),
    (
        "whom another job changed meanwhile is not queried, even by the job that created them",
        "shared/pipeline/src/import_rows.rs",
        "[record.created_by, record.changed_by].contains(&job.id)",
        "[record.changed_by].contains(&job.id)",
    ),
    (
        "opted-out patients are asked about",
        "shared/pipeline/src/query_documents.rs",
        "        if patient.hie_opt_out {",
        "        if patient.hie_opt_out && false {",
    ),
    (
        "a query that was given up is left to whoever was at it",
        "shared/pipeline/src/query_documents.rs",
        "            return self.ended_before(message).await;",
        "            end_part(&self.jobs, &self.finished, part, QueryTally::default()).await?;\n"
        "            return Ok(Queried::Ended(QueryTally::default()));",
    ),
    (
        "a webhook is attempted before its time",
        "shared/domain/src/delivery.rs",
        "            Some(due) if due > now => Turn::Wait(due),",
        "            Some(due) if due > now && false => Turn::Wait(due),",
    ),
    (
        "an attempt at a webhook keeps no copy of its message off",
        "shared/domain/src/delivery.rs",
        "let lease_end = self.began.map(|began| began.plus(LEASE));",
        "let lease_end = self.began;",
    ),
    (
        "a webhook is handed on to a message that was not sent",
        "shared/pipeline/src/deliver_webhook.rs",
        "        if sent.is_ok() {",
        "        if sent.is_ok() || true {",
    ),
    (
        "the end of a job is told without a look at its start",
        "shared/pipeline/src/deliver_webhook.rs",
        "            if job.file.is_none() {",
        "            if job.file.is_none() || true {",
    ),
    (
        "queries have no deadline",
        "shared/pipeline/src/sweep.rs",
        "let late = now > started_at.plus(self.time_to_query);",
        "let late = false && now > started_at.plus(self.time_to_query);",
    ),
]


def copy_tree() -> None:
    """A copy of what is committed or not, with a build folder that later runs find again."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ("shared", "functions", "infra/cli", "tests"):
        shutil.rmtree(COPY / name, ignore_errors=True)
        shutil.copytree(ROOT / name, COPY / name, copy_function=shutil.copyfile)
    for name in ("Cargo.toml", "Cargo.lock", ".clippy.toml"):
        shutil.copyfile(ROOT / name, COPY / name)


def simulate(seeds: int) -> int | None:
    """The number of stories until one fails; none if all of them end well."""
    command = ["cargo", "test", "--profile", "simulation", "-p", "tests", "--no-default-features"]
    command += ["--test", "simulation"]
    environment = os.environ | {"SEEDS": str(seeds), "SEED": "", "RUST_BACKTRACE": "0", "RUSTFLAGS": "-Awarnings"}
    build = subprocess.run([*command, "--no-run"], cwd=COPY, env=environment, capture_output=True, text=True)
    if build.returncode != 0:
        sys.exit(f"The bug does not compile:\n{build.stderr[-3000:]}")
    run = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True)
    if run.returncode == 0:
        return None
    failed = re.search(r"Seed (\d+) fails", run.stdout + run.stderr)
    return int(failed.group(1)) + 1 if failed else 0


def main() -> None:
    """Prints a line for each bug; fails if one is not noticed."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    missed = 0
    copy_tree()
    for name, file, right, wrong in BUGS:
        if wanted not in name:
            continue
        path = COPY / file
        text = path.read_text()
        if text.count(right) != 1:
            sys.exit(f"{file} has changed: nowhere, or not only in one place, does it say {right.strip()!r}")
        path.write_text(text.replace(right, wrong))
        stories = simulate(seeds)
        path.write_text(text)
        missed += stories is None
        print(f"{'NOT NOTICED' if stories is None else f'story {stories}':>12}  {name}", flush=True)
    if missed:
        sys.exit(f"{missed} of the bugs were not noticed.")


if __name__ == "__main__":
    main()
