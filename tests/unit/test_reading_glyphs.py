from dataclasses import dataclass

from quadrille.ingest.reading.glyphs import Glyphs, mended


@dataclass(frozen=True)
class Placed(Glyphs):
    """Characters of given origins, ten wide and ten high unless said otherwise."""

    origins: dict[int, tuple[float, float]]
    boxes: dict[int, tuple[float, float, float]]

    def origin(self, place: int) -> tuple[float, float]:
        return self.origins.get(place, (10.0 * place, 700.0))

    def box(self, place: int) -> tuple[float, float, float]:
        return self.boxes.get(place, (10.0 * place, 10.0 * place + 9, 10.0))

    def generated(self, place: int) -> bool:
        return place in self.boxes and self.boxes[place][0] == self.boxes[place][1]


def placed(origins: dict[int, tuple[float, float]] | None = None, boxes: object = None) -> Placed:
    return Placed(None, None, origins or {}, boxes or {})  # type: ignore[arg-type]


def test_two_letters_of_one_sign_are_put_in_reading_order() -> None:
    one_sign = placed({2: (30.0, 700.0), 3: (30.0, 700.0)})
    assert mended("خلالل"[:2] + "الل", one_sign) == "خللال"


def test_an_article_is_two_signs_and_stays_as_it_is() -> None:
    assert mended("الكتاب", placed()) == "الكتاب"


def test_lines_taken_for_one_are_set_apart_from_above_to_below() -> None:
    text = "שלום" + "עולם"
    below = {place: (0.0, 500.0 if place < 4 else 640.0) for place in range(8)}
    assert mended(text, placed(below)) == "עולם\r\nשלום"


def test_text_that_runs_up_the_page_is_left_as_it_is() -> None:
    assert mended("שלום", placed({place: (0.0, 50.0 * place) for place in range(4)})) == "שלום"


def test_letters_set_apart_by_wrong_widths_are_closed_up_and_words_are_not() -> None:
    text = "N O T E o n e w o r d"
    gaps = {7}  # after NOTE
    boxes, right = {}, 0.0
    for place, character in enumerate(text):
        if character == " ":
            boxes[place] = (right, right, 0.0)
        else:
            left = right + (6.0 if place - 1 in gaps else 1.0)
            right = left + 9.0
            boxes[place] = (left, right, 10.0)
    assert mended(text, placed(boxes=boxes)) == "NOTE oneword"
