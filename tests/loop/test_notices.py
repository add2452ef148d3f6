from lmanet.base import Notice
from lmanet.runfiles import NOTICES, read_records, say_notices

ONE = Notice(kind="one_class", text="every prediction is the class 3")
OTHER = Notice(kind="constant_pixels", text="the pixels do not vary")


def test_a_notice_is_said_once_and_kept(tmp_path, caplog):
    say_notices(tmp_path, [ONE, ONE])
    say_notices(tmp_path, [ONE, OTHER])
    assert read_records(tmp_path / NOTICES, Notice) == [ONE, OTHER]
    assert [record.getMessage() for record in caplog.records] == [ONE.text, OTHER.text]
