"""What is kept beside the database is replaced whole: whoever reads meanwhile has the old text or the new one."""

from concurrent.futures import ThreadPoolExecutor

from reminder_site.gateways.data_folder import DataFolder, write_whole


def test_a_file_that_is_replaced_is_never_seen_half_written(tmp_path):
    file = tmp_path / "kept" / "instance-id"
    write_whole(file, "the first\n")
    with file.open() as reader:
        write_whole(file, "the second\n")
        assert reader.read() == "the first\n"
    assert file.read_text() == "the second\n"
    assert [path.name for path in file.parent.iterdir()] == ["instance-id"]


def test_of_many_erased_at_once_each_is_listed_once(tmp_path):
    folder, ids = DataFolder(tmp_path / "kept"), [f"patient{number}" for number in range(60)]
    with ThreadPoolExecutor(12) as several:
        list(several.map(lambda each: folder.note_erased([each]), ids * 2))
    assert sorted(folder.erased()) == sorted(ids)


def test_a_list_that_ends_in_the_middle_of_a_line_goes_on_with_the_next(tmp_path):
    (tmp_path / "erased").write_text("one")
    DataFolder(tmp_path).note_erased(["two"])
    assert DataFolder(tmp_path).erased() == ["one", "two"]
