"""What is kept beside the database is replaced whole: whoever reads meanwhile has the old text or the new one."""

from reminder_site.gateways.data_folder import write_whole


def test_a_file_that_is_replaced_is_never_seen_half_written(tmp_path):
    file = tmp_path / "kept" / "instance-id"
    write_whole(file, "the first\n")
    with file.open() as reader:
        write_whole(file, "the second\n")
        assert reader.read() == "the first\n"
    assert file.read_text() == "the second\n"
    assert [path.name for path in file.parent.iterdir()] == ["instance-id"]
