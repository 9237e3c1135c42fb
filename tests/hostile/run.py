#!/usr/bin/env python3
"""Gives every hostile input to the program that it is for, and fails where one of them is harmed by it.

    tests/hostile/run.py --programs target/release [--only WORD] [--seconds 3] [--sanitized]

A program must end by itself, within a second of processor time and 256 MiB, with an exit code that fits, and with a
message that a terminal can show. Two programs run at a time.
"""

import argparse
import multiprocessing
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cases import EITHER, HARMLESS, REFUSED
from make import all_cases, write

WALL_SECONDS = 20
SANITIZED_SECONDS = 120
CPU_SECONDS = 1.0
MEMORY_MIB = 256
MESSAGE_BYTES = 2000
ADDRESS_SPACE = 5 << 30  # so that a failure does not take the machine with it
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FAILED, DONE = {1, 2}, {0, 3}  # 3: trained, but the network is of no use
JOBS = []  # the processes of the pool inherit it, since functions cannot be sent to them
EXIT_CODES = {REFUSED: FAILED, HARMLESS: DONE, EITHER: FAILED | DONE}


@dataclass
class Outcome:
    """What came of a program."""

    name: str
    seconds: float
    mib: float
    code: int
    message: str
    faults: list[str]


def started(words, folder, limited):
    """Starts a program in a folder, with its output in files beside it. Exact figures need a process of one's own."""
    child = os.fork()
    if child:
        return child
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in (1, 2):
            os.dup2(os.open(f"{folder}.{stream}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        if limited:
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.execv(words[0], words)
    finally:
        os._exit(127)


def waited(child, seconds):
    """What the system says of a process when it has ended; it is killed when its time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return status, usage, False
        time.sleep(0.003)
    os.kill(child, 9)
    _, status, usage = os.wait4(child, 0)
    return status, usage, True


def written(case, folder):
    """Writes a case from another process: the memory that this takes would else count as the program's."""
    child = os.fork()
    if not child:
        code = 1
        try:
            write(case, folder)
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{case.name} cannot be written")


def said(path):
    """The beginning of what a program wrote."""
    with open(path, "rb") as file:
        return file.read(1 << 20).decode(errors="replace")


def checked(case, folder, programs, options):
    """Makes a case, runs its program, and says what is wrong with what came of it."""
    written(case, folder)
    program, *arguments = case.command.split()
    limited = not options.sanitized
    seconds = WALL_SECONDS if limited else SANITIZED_SECONDS
    status, usage, late = waited(started([str(programs / program), *arguments], folder, limited), seconds)
    output, error = (said(Path(f"{folder}.{stream}")) for stream in (1, 2))
    length = Path(f"{folder}.2").stat().st_size
    shutil.rmtree(folder)
    # What `runtime` writes to its output are rows, and no message.
    shown = error if program == "runtime" else output + error
    code = os.waitstatus_to_exitcode(status)
    used, mib = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    faults = [fault for fault, holds in {
        f"not ended after {seconds} s": late,
        f"ended by signal {-code}": code < 0 and not late,
        f"exit code {code}, expected {case.outcome}": code >= 0 and code not in EXIT_CODES[case.outcome],
        f"{used:.2f} s of processor time": limited and used > options.seconds and not late,
        f"{mib:.0f} MiB": limited and mib > MEMORY_MIB,
        "a fault of memory": "AddressSanitizer" in output + error,
        "panicked": "panicked" in output + error,
        "no message": code in FAILED and not error.strip(),
        f"a message of {length} bytes": code in FAILED and length > MESSAGE_BYTES,
        f"control characters {sorted(set(CONTROL.findall(shown)))}": bool(CONTROL.search(shown)),
    }.items() if holds]
    return Outcome(case.name, used, mib, code, error.strip(), faults)


def job(number):
    return checked(*JOBS[number])


def base_run(folder, programs):
    """A run to damage: a short training on the built-in digits, with its bundle."""
    run = folder / "base"
    for words in (["trainer", "fit", "--epochs", "2", "--out", str(run)], ["exporter", "--split", str(run)]):
        subprocess.run([programs / words[0], *words[1:]], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return run


def report(outcomes, verbose):
    for outcome in sorted(outcomes, key=lambda outcome: outcome.name):
        if outcome.faults or verbose:
            print(f"{outcome.name:60}  {'; '.join(outcome.faults) or 'passed'}")
            print(f"    {outcome.seconds:.2f} s, {outcome.mib:.0f} MiB, {outcome.code}: {ascii(outcome.message)[:160]}")
    refused = sum(outcome.code in FAILED for outcome in outcomes)
    harmless = sum(outcome.code in DONE for outcome in outcomes)
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    largest = max(outcomes, key=lambda outcome: outcome.mib)
    print(f"{len(outcomes)} files: {refused} refused, {harmless} harmless; most processor time {slowest.seconds:.2f} s "
          f"({slowest.name}), most memory {largest.mib:.0f} MiB ({largest.name})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, default=Path("target/release"), help="folder of the three programs")
    parser.add_argument("--only", default="", metavar="WORD", help="only the cases with this word in their name")
    parser.add_argument("--verbose", action="store_true", help="print those that pass too")
    parser.add_argument("--seconds", type=float, default=CPU_SECONDS,
                        help="processor time that each may take, for slower processors")
    parser.add_argument("--sanitized", action="store_true",
                        help="the programs are built with AddressSanitizer: its faults count, time and memory do not")
    options = parser.parse_args()
    programs = options.programs.resolve()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        folder = Path(folder)
        cases = [case for case in all_cases(base_run(folder, programs)) if options.only in case.name]
        JOBS.extend((case, folder / str(number), programs, options) for number, case in enumerate(cases))
        with multiprocessing.get_context("fork").Pool(2) as pool:
            outcomes = list(pool.imap_unordered(job, range(len(JOBS))))
    if not outcomes:
        parser.error(f"no case has `{options.only}` in its name")
    report(outcomes, options.verbose)
    return int(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
