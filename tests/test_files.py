import os
import subprocess
import sys

import pytest

from npbp.files import replacing


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
