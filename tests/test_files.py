import contextlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from npbp.datasets import whole
from npbp.files import opened, replacing

posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes, devices and permissions")
both = pytest.mark.parametrize("replacing", [replacing, whole.replacing], ids=["npbp", "datasets"])


def kind(path):
    return stat.S_IFMT(os.lstat(path).st_mode)


def python(code, *arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], text=True,
                          stderr=subprocess.PIPE, timeout=60, **options)


def as_a_user(code, *arguments):
    """Run ``code``, where root becomes a user that may not do everything."""
    start = (
        "import os, sys, pathlib; from npbp.files import replacing; from npbp.datasets import whole\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
    )
    return python(start + code, *arguments)


@pytest.fixture
def commons():
    """A folder that a user other than the one of the tests may write to."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def test_the_file_appears_whole_at_the_end_and_nothing_else_stays(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.suffix == ".txt"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_leaves_the_old_file_and_no_temporary_one(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError):
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise KeyError("stop")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_that_is_not_there_is_named_and_no_temporary_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        with replacing(tmp_path / "none" / "a.txt"):
            pytest.fail("there is no place to write to")
    assert caught.value.filename == str(tmp_path / "none")
    assert caught.value.strerror == "there is no such folder"


def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    code = (
        "import sys, time; from npbp.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); print('writing', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.communicate()
    assert target.read_text() == "old"


def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    plain, target = tmp_path / "plain", tmp_path / "a.txt"
    plain.write_text("")
    with replacing(target) as temporary:
        temporary.write_text("")
    assert target.stat().st_mode == plain.stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_symbolic_link_stays_and_the_file_behind_it_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "a.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink() and target.read_text() == "new"
    assert os.listdir(tmp_path / "disk") == ["a.txt"]


# ---- what is no file stays what it is


@posix
@both
def test_a_pipe_that_nobody_reads_is_refused_at_once_and_stays_a_pipe(tmp_path, replacing):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OSError) as caught, replacing(path):
            pytest.fail("there is nobody to write to")
        assert caught.value.filename == str(path)
    assert kind(pipe) == stat.S_IFIFO and kind(link) == stat.S_IFLNK
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


@posix
def test_the_reader_of_a_pipe_gets_the_whole_content(tmp_path):
    pipe, link, got = tmp_path / "pipe.txt", tmp_path / "link.txt", []
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    content = b"whole" * 100_000  # more than a pipe holds
    for path in (pipe, link):
        keep = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that the pipe has a reader now
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        with replacing(path) as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_bytes(content)
        reader.join(60)
        os.close(keep)
        assert got.pop() == content and kind(pipe) == stat.S_IFIFO
    assert sorted(os.listdir(tmp_path)) == ["link.txt", "pipe.txt"]


@posix
@both
def test_a_device_stays_a_device(tmp_path, replacing):
    node, link = tmp_path / "null", tmp_path / "link"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    link.symlink_to(node)
    for path in (node, link):
        with contextlib.suppress(OSError), replacing(path) as temporary:
            temporary.write_text("gone")
        assert kind(node) == stat.S_IFCHR and kind(link) == stat.S_IFLNK
    assert sorted(os.listdir(tmp_path)) == ["link", "null"]


@posix
def test_a_terminal_shows_what_is_written_to_it():
    master, slave = os.openpty()
    with replacing(os.ttyname(slave)) as temporary:
        temporary.write_text("whole")
    assert os.read(master, 100) == b"whole"
    os.close(master), os.close(slave)


@posix
@both
def test_a_socket_and_a_folder_are_refused_and_stay(tmp_path, monkeypatch, replacing):
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    (tmp_path / "folder").mkdir()
    (tmp_path / "to-folder").symlink_to("folder")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")
        for name in ("socket", "folder", "folder/", "to-folder", "to-folder/", ".", "/"):
            with pytest.raises(OSError), replacing(name):
                pytest.fail("this cannot be replaced")
        assert kind("socket") == stat.S_IFSOCK and kind("folder") == stat.S_IFDIR
    with pytest.raises(IsADirectoryError), replacing("folder"):
        pass
    assert sorted(os.listdir()) == ["folder", "socket", "to-folder"] and not os.listdir("folder")


@posix
@both
def test_a_name_that_names_no_file_is_refused_before_anything_is_written(tmp_path, monkeypatch, replacing):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("loop").symlink_to("pool")
    Path("pool").symlink_to("loop")
    Path("file").write_text("old")
    for name in ("", "new/", "none/..", "loop", "file/", "file/x", "n" * 256):
        with pytest.raises(OSError), replacing(name):
            pytest.fail("there is nothing to write to")
    assert sorted(os.listdir()) == ["file", "loop", "pool"] and os.listdir(tmp_path) == ["here"]


@posix
@both
def test_a_link_to_nothing_makes_the_file_that_it_points_to(tmp_path, replacing):
    link = tmp_path / "link"
    link.symlink_to("file")
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert kind(link) == stat.S_IFLNK and (tmp_path / "file").read_text() == "new"


SAY = """
import sys; from npbp.training import History
print("before")
History(loss=[0.5], correct=[1.0], seconds=[2.0]).to_csv(sys.argv[1])
print("after")
"""
SAID = (
    "before\nepoch,loss,correct,validation_loss,validation_correct,seconds\n1,0.5,1.0,,,2.0\nafter\n"
)


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_stdout_gets_what_is_written_to_it_between_what_is_printed(tmp_path, name):
    if name == "link":
        name = tmp_path / "link"
        name.symlink_to("/dev/stdout")
    elif not os.path.exists(name):
        pytest.skip(f"no {name} here")
    done = python(SAY, name)  # a pipe
    assert (done.stdout, done.stderr) == (SAID, "")
    with open(tmp_path / "out", "w") as out:  # a file, as with >
        assert python(SAY, name, stdout=out).stderr == ""
    assert (tmp_path / "out").read_text() == SAID


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
@both
def test_an_open_file_without_a_name_is_refused(tmp_path, replacing):
    with open(tmp_path / "file", "w+") as file:
        os.unlink(tmp_path / "file")
        with pytest.raises(OSError), replacing(f"/proc/self/fd/{file.fileno()}"):
            pytest.fail("it has no name that could be replaced")
    assert not os.listdir(tmp_path)


# ---- names, permissions, owners


@both
def test_paths_may_be_strings_bytes_and_path_objects(tmp_path, replacing):
    target = tmp_path / "a.txt"
    for path in (str(target), os.fsencode(target), target):
        with replacing(path) as temporary:
            temporary.write_text(repr(path))
        assert target.read_text() == repr(path)
    with pytest.raises(TypeError), replacing(3):
        pytest.fail("a number is the file that some other part of the program has open")


@both
def test_a_file_may_have_the_longest_name_there_is(tmp_path, replacing):
    target = tmp_path / ("n" * 251 + ".txt")
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert os.listdir(tmp_path) == [target.name]


@posix
@both
def test_the_new_file_has_the_permissions_and_the_owner_of_the_old_one(tmp_path, replacing):
    target = tmp_path / "a.txt"
    target.write_text("old")
    if os.geteuid() == 0:
        os.chown(target, 65534, 65533)
    for mode in (0o600, 0o640, 0o755, 0o666):
        target.chmod(mode)
        before = target.stat()
        with replacing(target) as temporary:
            temporary.write_text("new")
        after = target.stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@posix
@pytest.mark.parametrize("function", ["replacing", "whole.replacing"])
def test_a_file_that_a_user_may_not_write_is_not_replaced(commons, function):
    target = commons / "a.txt"
    target.write_text("old")
    target.chmod(0o444)
    done = as_a_user(f"with {function}(pathlib.Path(sys.argv[1])) as t: t.write_text('new')", target)
    assert done.stderr.splitlines()[-1] == f"PermissionError: [Errno 13] Permission denied: '{target}'"
    assert target.read_text() == "old" and os.listdir(commons) == ["a.txt"]


@posix
@pytest.mark.parametrize("function", ["replacing", "whole.replacing"])
def test_a_folder_that_a_user_may_not_write_is_named_and_not_a_temporary_file(commons, function):
    target = commons / "a.txt"
    target.write_text("old")
    target.chmod(0o666)
    commons.chmod(0o555)
    done = as_a_user(f"with {function}(pathlib.Path(sys.argv[1])) as t: t.write_text('new')", target)
    assert done.stderr.splitlines()[-1] == f"PermissionError: [Errno 13] Permission denied: '{commons}'"
    assert target.read_text() == "old" and os.listdir(commons) == ["a.txt"]


@posix
@both
def test_another_hard_link_keeps_the_old_content(tmp_path, replacing):
    target, other = tmp_path / "a.txt", tmp_path / "b.txt"
    target.write_text("old")
    os.link(target, other)
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert (target.read_text(), other.read_text()) == ("new", "old")


# ---- reading


@posix
def test_a_pipe_or_a_device_is_not_opened_to_read_and_nobody_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "link", "/dev/null", b"/dev/zero"):
        with pytest.raises(ValueError, match="a pipe or a device, wanted a file"):
            opened(path)
    with pytest.raises(IsADirectoryError):
        opened(tmp_path)
    with pytest.raises(TypeError):
        opened(0)
    (tmp_path / "file").write_bytes(b"content")
    with opened(tmp_path / "file") as file:
        assert file.read() == b"content"
