"""What the command does when the world around it fails: real processes, signals, terminals."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from processes import NPBP, drawn_on, heed_ctrl_c, run, start

import npbp
from npbp import Network

ROOT = Path(npbp.__file__).parents[1]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and terminals")


def training(tmp_path, epochs=2, **options):
    """A training without end that has made some epochs."""
    process = start("train", "--epochs", 100000, "--out", tmp_path, **options)
    while not process.stdout.readline().startswith(f"epoch      {epochs}/"):
        assert process.poll() is None
    return process


FILES = ("checkpoint", "history.csv", "model.npz", "options.json")  # of a run without its chart


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def epochs_in(folder):
    assert len(Network.load(folder / "model.npz").layers) == 3
    return len((folder / "history.csv").read_text().splitlines()) - 1


def stub(folder, text):
    """A matplotlib that is found before the real one."""
    (folder / "stub" / "matplotlib").mkdir(parents=True)
    (folder / "stub" / "matplotlib" / "__init__.py").write_text(text)
    return {"PYTHONPATH": str(folder / "stub")}


# ---- the chart

@pytest.mark.parametrize("environment, settings", [
    ({"MPLBACKEND": "nonsense"}, ""), ({}, "text.usetex: True\nfont.family: Nowhere Sans\n"),
    ({"MPLCONFIGDIR": "/proc/no/where"}, "font.size: many\nnonsense\n")])
def test_the_chart_is_drawn_whatever_the_settings_of_matplotlib(tmp_path, environment, settings):
    (tmp_path / "matplotlibrc").write_text(settings)
    done = run("train", "--epochs", 1, cwd=tmp_path, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "runs/mnist-sample-1/curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("text, words", [
    ("raise ImportError('no module\\n\\x1b[2J in two lines')", "ImportError: no module"),
    ("1 / 0", "ZeroDivisionError: division by zero"),
    ("raise MemoryError", "MemoryError"), ("", "Error: ")])
def test_without_matplotlib_all_but_the_chart_is_there(tmp_path, text, words):
    done = run("train", "--epochs", 1, "--out", tmp_path / "runs", environment=stub(tmp_path, text))
    folder = tmp_path / "runs" / "mnist-sample-1"
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "\x1b" not in done.stderr
    assert done.stderr.startswith("npbp train: curves.png could not be drawn: ")
    assert words in done.stderr
    assert done.stderr.endswith(f"; history.csv and model.npz are in {folder}\n")
    assert names(folder) == [*FILES] and epochs_in(folder) == 1


def test_a_matplotlibrc_that_is_not_text_is_one_line(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\n")
    done = run("train", "--epochs", 1, cwd=tmp_path)
    assert done.returncode == 1
    assert "UnicodeDecodeError" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert names(tmp_path / "runs" / "mnist-sample-1") == [*FILES]


def test_ctrl_c_while_the_chart_is_drawn_says_what_there_is(tmp_path):
    environment = stub(tmp_path, "open('drawing', 'w').close(); import time; time.sleep(60)")
    process = start("train", "--epochs", 3, "--out", "runs", cwd=tmp_path, environment=environment)
    while not (tmp_path / "drawing").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    folder = Path("runs/mnist-sample-1")
    assert process.returncode == 130
    assert stderr == (f"npbp train: stopped by Ctrl-C; {folder} holds the 3 whole epochs before; "
                      f"continue with: npbp train --resume {folder}\n")
    assert names(tmp_path / folder) == [*FILES]


# ---- signals

@pytest.mark.parametrize("name, code", [("SIGTERM", 143), ("SIGHUP", 129)])
def test_another_signal_ends_a_training_as_cleanly_as_ctrl_c(tmp_path, name, code):
    process = training(tmp_path)
    process.send_signal(getattr(signal, name))
    _, stderr = process.communicate(timeout=60)
    folder = tmp_path / "mnist-sample-1"
    n = epochs_in(folder)
    assert process.returncode == code
    assert stderr == (f"npbp train: stopped by {name}; {folder} holds the {n} whole epochs before; "
                      f"continue with: npbp train --resume {folder}\n")
    assert names(folder) == sorted([*FILES, "curves.png"])


def test_a_training_under_nohup_goes_on_when_the_terminal_is_gone(tmp_path):
    process = training(tmp_path, command=["nohup", *NPBP], stdin=subprocess.DEVNULL)
    process.send_signal(signal.SIGHUP)
    for _ in range(5):
        assert process.stdout.readline().startswith("epoch ")
    process.kill()
    process.communicate()


@pytest.mark.parametrize("name, by, code", [("SIGINT", "Ctrl-C", 130), ("SIGTERM", "SIGTERM", 143)])
def test_ctrl_c_in_a_download_is_one_line_and_leaves_no_file(tmp_path, name, by, code):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as proxy:  # one that never answers
        environment = {"https_proxy": f"http://127.0.0.1:{proxy.getsockname()[1]}", "no_proxy": "",
                       "NPBP_DATA": str(tmp_path)}
        process = start("download", "mnist", environment=environment)
        proxy.settimeout(30)
        with proxy.accept()[0]:
            process.send_signal(getattr(signal, name))
            _, stderr = process.communicate(timeout=10)
    assert (process.returncode, stderr) == (code, f"npbp download: stopped by {by}\n")
    assert names(tmp_path / "mnist") == []


def test_ctrl_c_is_one_line_while_all_is_being_imported(tmp_path):
    """An import that takes long, wherever it is: here that of argparse."""
    (tmp_path / "argparse.py").write_text(
        "open('importing', 'w').close(); import time; time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
                               "import npbp_command; sys.exit(npbp_command.run())"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_ctrl_c)
    while not (tmp_path / "importing").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "npbp: stopped by Ctrl-C\n")
    assert process.returncode == 130


# ---- stdout and stderr

@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments, command", [
    (["train", "--epochs", "1"], "npbp train"), (["download", "mnist-sample"], "npbp download"),
    (["train", "--help"], "npbp"), (["--version"], "npbp"), ([], "npbp")])
def test_a_stdout_that_is_full_is_one_line_and_exit_1(tmp_path, arguments, command, unbuffered):
    with open("/dev/full", "w") as full:
        done = run(*arguments, stdout=full, cwd=tmp_path,
                   environment={"PYTHONUNBUFFERED": unbuffered})
    assert done.returncode == 1
    assert done.stderr == f"{command}: stdout cannot be written: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_predict_says_so_when_stdout_is_full(tmp_path, unbuffered):
    network = Network([npbp.Linear(784, 10)], npbp.SoftmaxCrossEntropyLoss())
    network.save(tmp_path / "model.npz")
    np.save(tmp_path / "a.npy", np.zeros((3, 784), np.uint8))
    with open("/dev/full", "w") as full:
        done = run("predict", tmp_path / "model.npz", tmp_path / "a.npy", stdout=full,
                   environment={"PYTHONUNBUFFERED": unbuffered})
    assert done.returncode == 1
    assert done.stderr == "npbp predict: stdout cannot be written: No space left on device\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_stdout_that_fills_in_the_middle_leaves_the_whole_epochs(tmp_path):
    import resource
    with open(tmp_path / "out", "wb", buffering=0) as out:
        process = start("train", "--epochs", 100000, "--out", tmp_path / "runs", stdout=out)
        while b"epoch      3/" not in (tmp_path / "out").read_bytes():
            assert process.poll() is None
            time.sleep(0.01)
        # No file of this process grows beyond this any more; the others stay below it.
        out.seek(0, os.SEEK_END)
        out.truncate(150_000)
        out.seek(150_000)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (150_000, 150_000))
        _, stderr = process.communicate(timeout=60)
    folder = tmp_path / "runs" / "mnist-sample-1"
    n = epochs_in(folder)
    assert process.returncode == 1 and n >= 3
    assert stderr == (f"npbp train: stdout cannot be written: File too large ({folder} holds the {n} "
                      "whole epochs before)\n")


def test_a_reader_that_has_seen_enough_of_a_training_ends_it_quietly(tmp_path):
    process = training(tmp_path)
    process.stdout.close()                                # as `| head` does
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert epochs_in(tmp_path / "mnist-sample-1") >= 2


@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_streams_that_are_closed_do_no_harm(tmp_path, redirection):
    if "/dev/full" in redirection and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    command = f"'{sys.executable}' -m npbp train --epochs 1 {redirection}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60)
    folder = tmp_path / "runs" / "mnist-sample-1"
    assert done.returncode == 0 and done.stderr == ""
    assert names(folder) == sorted([*FILES, "curves.png"]) and epochs_in(folder) == 1


@pytest.mark.parametrize("redirection", ["2>/dev/full", ">&- 2>&-"])
@pytest.mark.parametrize("arguments, code", [("train --out /dev/null", 1), ("train --epochs 0", 2)])
def test_an_error_that_nobody_can_read_still_has_its_exit_code(redirection, arguments, code):
    if "/dev/full" in redirection and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    command = f"'{sys.executable}' -m npbp {arguments} {redirection}"
    assert subprocess.run(["sh", "-c", command], capture_output=True, timeout=60).returncode == code


# ---- terminals

BAR = ("import time\n"
       "from npbp.training.progress import Bar\n"
       "bar = Bar()\n"
       "for done in (1, 750, 1500):\n"
       "    bar.draw('epoch 1/10', done, 1500)\n"
       "    time.sleep(0.11)\n"
       "bar.clear()\n")


def bar_on_terminal(columns, environment):
    """What a terminal is sent on stderr."""
    import fcntl
    import pty
    import struct
    import termios
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start("-c", BAR, command=[sys.executable], stderr=theirs,
                    environment={"TERM": "xterm", **environment})
    os.close(theirs)
    assert process.communicate(timeout=60)[0] == "" and process.returncode == 0
    return drawn_on(ours).decode()


@pytest.mark.parametrize("columns, environment, width", [
    (20, {}, 20), (24, {}, 24), (1, {}, 1), (2, {}, 2), (300, {}, 80), (20, {"COLUMNS": "200"}, 20),
    (0, {"COLUMNS": "0"}, 80), (0, {"COLUMNS": "20"}, 20), (0, {"COLUMNS": "-5"}, 80)])
def test_the_bar_never_fills_the_last_column(columns, environment, width):
    drawn = bar_on_terminal(columns, environment)
    assert drawn.startswith("\r") and drawn.endswith("\r\x1b[K")
    lines = drawn.split("\r")[1:]
    assert len(lines) == 4 and all(line.endswith("\x1b[K") for line in lines)
    lines = [line[:-3] for line in lines]
    assert max(map(len, lines)) <= width - 1
    if width >= 20:
        assert lines[1].startswith("epoch 1/10 ") and lines[1].endswith(" 750/1500"[:width - 11])
    if width >= 80:
        assert lines[1].count("#") == 25 and lines[2].count("#") == 50


def test_a_dumb_terminal_gets_no_bar():
    assert bar_on_terminal(80, {"TERM": "dumb"}) == ""


# ---- folders

def test_a_run_folder_that_is_removed_is_one_line(tmp_path):
    import shutil
    process = training(tmp_path)
    folder = tmp_path / "mnist-sample-1"
    folder.rename(tmp_path / "elsewhere")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr == (f"npbp train: {folder} cannot be written: there is no such folder "
                      f"({folder} is gone)\n")
    shutil.rmtree(tmp_path / "elsewhere")


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_disk_that_fills_is_one_line_and_the_files_before_stay(tmp_path):
    import resource
    process = training(tmp_path)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (50_000, 50_000))  # the model has 100,000
    _, stderr = process.communicate(timeout=60)
    folder = tmp_path / "mnist-sample-1"
    assert process.returncode == 1 and names(folder) == [*FILES]
    n = epochs_in(folder)
    assert stderr == (f"npbp train: {folder} cannot be written: File too large ({folder} holds the "
                      f"{n} whole epochs before)\n")


def test_an_out_that_is_a_pipe_is_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = run("train", "--out", tmp_path / "pipe")
    assert done.returncode == 1
    assert done.stderr == f"npbp train: {tmp_path / 'pipe'}: File exists\n"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_folder_may_have_any_name(tmp_path, locale):
    environment = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    names = ["å ∫ 数字".encode(), b"\xff\xe9", b"a\nb", b"\x1b[2J", b"-", b" "]
    out = os.path.join(os.fsencode(tmp_path), *names)
    done = subprocess.run([*NPBP, "train", "--epochs", "1", "--out", out], timeout=60,
                          capture_output=True, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(os.listdir(os.path.join(out, b"mnist-sample-1"))) == [
        b"checkpoint", b"curves.png", b"history.csv", b"model.npz", b"options.json"]


def test_a_name_with_escape_sequences_does_not_reach_the_terminal_raw(tmp_path):
    (tmp_path / "\x1b[2Jx\r").write_text("")
    done = run("train", "--out", tmp_path / "\x1b[2Jx\r")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable() and "\\x1b[2Jx" in done.stderr
