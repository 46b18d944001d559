"""The workbook of requests taken back: what was answered stays, and what says otherwise is listed."""

from pathlib import Path

from models import ImportFile
from services.application import facts
from services.review import review_book, review_inbox
from services.tables import ROW, read_workbook, write_csv
from tests.desk import Desk

FEE = "service_fee"


class Book:
    """The one row of 市工信局's workbook, filled in as often as somebody does."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        """As it is downloaded."""
        self.desk, self.folder, self.actor = desk, folder, desk.bureaus["gxj"]
        desk.open_intake()
        desk.submit()
        desk.to_bureaus()
        asked = review_inbox.waiting(desk.session, desk.clock, desk.calendar, self.actor)
        self.fee = next(each for each in asked[0].questions if each.fact.name == FEE)
        path = folder / "审核表.xlsx"
        path.write_bytes(review_book.write(asked))
        row = read_workbook(path, [review_book.KEY]).sheets[0].frame.row(0, named=True)
        self.row = {name: text for name, text in row.items() if name != ROW}

    def hand_in(self, fee: str, reason: str, opinion: str = "同意") -> ImportFile:
        """Upload it with this value."""
        filled = {
            f"{review_inbox.shown(self.fee.fact)}·核定值": fee,
            review_book.OPINION: opinion,
            review_book.REASON: reason,
        }
        path = self.folder / f"{fee}{opinion}.csv"
        write_csv(path, list(self.row), [list((self.row | filled).values())])
        return review_book.take(*self.desk.at, self.desk.calendar, self.actor, path=path)


def test_another_value_for_what_was_answered_is_listed_and_the_same_one_is_known(desk: Desk, tmp_path: Path) -> None:
    book = Book(desk, tmp_path)
    assert book.hand_in("180000.00", "按合同核减").rows_added == 1
    again = book.hand_in("18万", "按合同核减")
    assert (again.rows_added, again.rows_known, again.problems) == (0, 1, [])
    other = book.hand_in("150000.00", "按合同核减")
    assert (other.rows_added, other.rows_known) == (0, 0)
    (told,) = other.problems
    assert told["value"] == "150000.00" and "已经回复，这一行与回复不同，没有采用" in told["cause"]
    assert told["remedy"] == "确需更改的，请联系经办人"
    assert facts.last_verified(desk.session, [1])[1][FEE].value == "180000.00"


def test_values_beside_a_refusal_are_none_and_make_no_other_answer(desk: Desk, tmp_path: Path) -> None:
    book = Book(desk, tmp_path)
    assert book.hand_in("180000.00", "不是算力服务", "不同意").rows_added == 1
    again = book.hand_in("150000.00", "不是算力服务", "不同意")
    assert (again.rows_known, again.problems) == (1, [])
