"""Greek in letters that cost less: nothing but Greek changes, and what comes out is in the GSM alphabet."""

from __future__ import annotations

import re
import string
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isms_data import tables
from isms_data.code_points import CHUNK
from isms_data.errors import ColumnError, ConfigurationError, TextError
from isms_data.greek import Rendering, compare_renderings, render, render_column
from isms_data.gsm0338 import ALPHABET
from isms_data.text_segments import segments

BOTH = ["capitals", "greeklish"]
LETTERS = "αβγδεζηθικλμνξοπρσςτυφχψω"
SOUNDS = dict(zip(LETTERS, [*"avgdezi", "th", *"iklmnxoprsstyf", "ch", "ps", "o"], strict=True))
LOOKALIKES = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")
SIGNS = "«»“”„‘’‚‹›–—―‑−…·\u0387\u037e\u00a0\u202f´΄΅"


def base(character: str) -> str:
    """The letter under the accents, as small sigma too at the end of a word."""
    return unicodedata.normalize("NFKD", character)[0]


GREEK = "".join(
    character
    for character in map(chr, (*range(0x370, 0x400), *range(0x1F00, 0x2000), 0x2126))
    if base(character).lower() in LETTERS
)
WORDS = "αάβγγδεέζηήθιίϊΐκλμμνξοόππρσςτυύϋΰφχψωώ"
PIECES = [
    *"αάΰΆβγΓΞχμΜπΠυύΥϋθΘψςAéz5.:/@-_`~='\"<>,;",
    *SIGNS,
    *"\u0301\u0308\u0303\u0338\u1dcf\u200b\ufe0f\n\x85\u2028😀ϟ\u00b5",
    *("https://", "HTTP://", "www.", ".gr", ".com.", "gr", "αβ.gr", "info@", "ηττπ://", "μπ", "e\u0301"),
]
greek_text = st.text(GREEK + string.digits + string.punctuation + " \n" + SIGNS, max_size=200)
odd_text = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=60)


@given(greek_text)
def test_capitals_are_in_the_gsm_alphabet(text: str) -> None:
    """Whatever is made of Greek letters, digits, punctuation and the usual signs goes as GSM."""
    assert set(render(text, "capitals")) <= ALPHABET


@given(greek_text)
def test_greeklish_is_ascii(text: str) -> None:
    """The same in Latin letters is ASCII, and goes as GSM."""
    written = render(text, "greeklish")

    assert written.isascii()
    assert set(written) <= ALPHABET


@pytest.mark.parametrize("how", BOTH)
@settings(max_examples=400, deadline=None)
@given(odd_text)
@example("α\u200b\u0301 α\u1dcf\u0303 β.gr\u0301α ά–β.gr www.ά–β https://ά…β κ’αβ.gr/ά e\u0301")
def test_rendering_twice_is_rendering_once(how: str, text: str) -> None:
    """A rendered text stays as it is, addresses and loose accents and all."""
    once = render(text, how)

    assert render(once, how) == once


@pytest.mark.parametrize("how", [*BOTH, "keep"])
@given(st.text(string.printable.replace("`", "") + "éèüñçßøÆŠč€😀я中", max_size=80))
def test_latin_stays(how: str, text: str) -> None:
    """What is not Greek is not touched, Latin words with and without accents, and other scripts."""
    assert render(text, how) == text


@given(st.text(GREEK, max_size=40))
def test_capitals_are_the_base_letters(text: str) -> None:
    """Each letter is its capital without accents, as Unicode has them, in Latin where both look alike."""
    bare = "".join(map(base, text))

    assert render(text, "capitals") == "".join(letter.upper() for letter in bare).translate(LOOKALIKES)


@pytest.mark.parametrize("how", BOTH)
@given(st.text(GREEK + " .", max_size=40))
def test_decomposed_letters_are_the_same(how: str, text: str) -> None:
    """Accents that stand by themselves, as some systems write them, change nothing."""
    composed = unicodedata.normalize("NFC", text)

    assert render(unicodedata.normalize("NFD", text), how) == render(composed, how)


def test_capitals_example() -> None:
    """The recipe: accents go, final sigma too, look-alikes become Latin, signs become ASCII."""
    text = "«Οι Έλληνες;» – Ώρα… για προσφορές· ΐΰϊϋ\u037e “τώρα” ‘εδώ’\u00a0!"
    expected = '"OI EΛΛHNEΣ;" - ΩPA... ΓIA ΠPOΣΦOPEΣ. IYIY; "TΩPA" \'EΔΩ\' !'

    assert render(text, "capitals") == expected


def test_capitals_of_a_long_text_cost_a_third() -> None:
    """160 Greek letters: three segments as they are, one in capitals."""
    text = "α" * 160

    assert [segments(render(text, how)).count for how in ("keep", "capitals")] == [3, 1]


@pytest.mark.parametrize(
    ("greek", "latin"),
    [
        ("Γεώργιος", "Georgios"),
        ("Ευάγγελος", "Evangelos"),
        ("Αγγελική", "Angeliki"),
        ("Ελευθέριος", "Eleftherios"),
        ("Παύλος", "Pavlos"),
        ("Σταυρούλα", "Stavroula"),
        ("Παρασκευή", "Paraskevi"),
        ("Χρήστος", "Christos"),
        ("Ξενοφών", "Xenofon"),
        ("Ψαρρός", "Psarros"),
        ("Θεσσαλονίκη", "Thessaloniki"),
        ("Πειραιάς", "Peiraias"),
        ("Λευκάδα", "Lefkada"),
        ("Ναύπλιο", "Nafplio"),
        ("Ταΰγετος", "Taygetos"),
        ("Μαΐου", "Maiou"),
        ("άυλος", "aylos"),
        ("πρωί", "proi"),
        ("Μπάμπης", "Bampis"),
        ("κλαμπ", "klab"),
        ("Λαμπρινή", "Lamprini"),
        ("Γκίκας", "Gkikas"),
        ("Ντίνος", "Ntinos"),
        ("άγχος", "anchos"),
        ("σφίγξ", "sfinx"),
        ("εφηύρα", "efivra"),
        ("ταυ", "taf"),
        ("Θεός", "Theos"),
        ("ΘΕΟΣ", "THEOS"),
        ("ΛΑΘ Θ. Χ θΑ", "LATH Th. Ch thA"),
        ("ΨΩΜΙ Ψωμί", "PSOMI Psomi"),
        ("ΜΠΑΡ ΕΥΧΗ ΟΥΖΟ ΑΓΓΕΛΟΣ", "BAR EFCHI OUZO ANGELOS"),
        ("Ού Εύ Οϋ", "Ou Ef Oy"),
        ("α-υ μ-π γ γ", "a-y m-p g g"),
    ],
)
def test_greeklish_as_in_passports(greek: str, latin: str) -> None:
    """ELOT 743, type 2: names and words as Greek documents have them, and each rule once."""
    assert render(greek, "greeklish") == latin


def by_the_rules(word: str) -> str:
    """A small word by the rules of ELOT 743 one after the other, with regular expressions."""
    word = re.sub("^μπ|μπ$", "b", word)
    word = re.sub("γ(?=[γξχ])", "n", word)
    word = re.sub("(?<=ο)[υύ]", "u", word)
    word = re.sub("(?<=[αεη])[υύ](?=[αάβbγδεέζηήιίϊΐλμνnοόρυύϋΰωώ])", "v", word)
    word = re.sub("(?<=[αεη])[υύ]", "f", word)
    return "".join(SOUNDS.get(base(letter), letter) for letter in word)


@settings(max_examples=500, deadline=None)
@given(st.text(WORDS, min_size=1, max_size=9))
def test_greeklish_by_the_rules(word: str) -> None:
    """Any word comes out as by the rules applied one after the other, and in capitals the same in capitals."""
    bare = unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", word) if c != "\u0301"))

    assert render(word, "greeklish") == by_the_rules(word)
    if len(word) > 1:
        assert render(bare.upper(), "greeklish") == by_the_rules(bare).upper()


@pytest.mark.parametrize("how", BOTH)
@pytest.mark.parametrize(
    "address",
    [
        "https://shop.gr/Προσφορά?κωδικός=ά#ώρα",
        "http://παράδειγμα.ελ",
        "HTTPS://παράδειγμα.ελ",
        "www.παράδειγμα.gr",
        "παράδειγμα.gr",
        "shop.gr/προσφορά",
        "a.β.com.cy:80/ά",
        "info@παράδειγμα.gr",
        "μαρία.κ+sms@shop.gr",
        "α\u0301β.gr",
        "https://shop.gr/Aa?b=[1]&C={2}",
    ],
)
def test_addresses_stay(how: str, address: str) -> None:
    """A letter changed in an address is another address: it stays, between words that do not."""
    written = render(f"Δείτε {address} «{address}» ώρα", how)
    before, after = ("ΔEITE", "ΩPA") if how == "capitals" else ("Deite", "ora")

    assert written == f'{before} {address} "{address}" {after}'


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Καλημέρα.Πάμε", "KAΛHMEPA.ΠAME"),
        ("ώρα...ok ώρα.okά", "ΩPA...ok ΩPA.okA"),
        ("κ.Maria, τηλ.2101234567", "K.Maria, THΛ.2101234567"),
        ("έως 5€@ώρα", "EΩΣ 5€@ΩPA"),
        ("ά,https://a.gr", "A,https://a.gr"),
    ],
)
def test_what_only_looks_like_an_address(text: str, written: str) -> None:
    """A full stop without a blank, dots, abbreviations: no addresses."""
    assert render(text, "capitals") == written


def test_rendering_unknown() -> None:
    """A rendering that there is not is an error that names those there are."""
    with pytest.raises(ConfigurationError, match="greek='upper' is none of 'keep', 'capitals', 'greeklish'"):
        render("α", "upper")


@pytest.mark.parametrize("how", list(Rendering))
@settings(deadline=None)
@given(st.lists(st.none() | odd_text | greek_text, max_size=8))
def test_column_is_rendered_as_one_text(how: Rendering, texts: list[str | None]) -> None:
    """A column gives for each text what rendering it alone gives, whatever its neighbours are, and null for a null."""
    written = render_column(pd.Series(texts, dtype="str"), how)

    assert written.dtype == "str"
    assert written.astype(object).where(written.notna(), None).tolist() == [
        text if text is None else render(text, how) for text in texts
    ]


@pytest.mark.parametrize("how", BOTH)
def test_column_beyond_a_chunk(how: str) -> None:
    """Rows keep their place over the seams of the chunks in which a column is rendered."""
    few = ["μπ", "α", "υ", "www.ά", "", "ά…", "Θ"]
    texts = [few[row * row % 11 % 7] for row in range(2 * CHUNK + 5)]
    alone = {text: render(text, how) for text in few}

    assert render_column(pd.Series(texts), how).tolist() == [alone[text] for text in texts]


@pytest.mark.parametrize("dtype", ["str", "string", "category", "object"])
@pytest.mark.parametrize("texts", [["ά", None, "ά"], ["ά"], [], [None]])
def test_column_keeps_index_and_name(texts: list[str | None], dtype: str) -> None:
    """Same index, order and name for no, one and many rows; text comes out, however pandas holds it."""
    series = pd.Series(texts, index=["x"] * len(texts), name="text", dtype=dtype)
    written = render_column(series, "capitals")

    assert (written.dtype, written.name) == ("str", "text")
    assert written.index.equals(series.index)
    assert written.fillna("-").tolist() == ["-" if text is None else "A" for text in texts]


@pytest.mark.parametrize("how", list(Rendering))
def test_column_half_a_character(how: Rendering) -> None:
    """A text with half a character comes back as it is, for the count to refuse; the others are rendered."""
    written = render_column(pd.Series(["ά", "ά\ud83d", np.nan], dtype=object), how)

    assert written.iloc[1] == "ά\ud83d"
    assert written.iloc[0] == render("ά", how)
    assert pd.isna(written.iloc[2])


def test_column_of_something_else() -> None:
    """Numbers are no texts."""
    with pytest.raises(ColumnError, match=r"row 0, label 0"):
        render_column(pd.Series([1, 2]), "keep")


def test_compare_counts_the_real_rows() -> None:
    """Each rendering costs what its rows cost one by one; nulls and half characters do not count."""
    texts = ["Καλημέρα, " * 10, "Good morning", None, "Θ" * 161 + "α", "ώρα 😀", "ά\ud83d"]
    compared = compare_renderings(pd.Series(texts, dtype=object))

    assert compared.index.tolist() == ["keep", "capitals", "greeklish"]
    assert compared["rows"].tolist() == [4, 4, 4]
    assert compared["segments"].tolist() == [2 + 1 + 3 + 1, 1 + 1 + 2 + 1, 1 + 1 + 3 + 1]
    assert compared["gsm_rows"].tolist() == [1, 3, 3]
    assert compared["utf8_rows"].tolist() == [3, 1, 1]
    assert compared["mean_segments"].tolist() == [7 / 4, 5 / 4, 6 / 4]
    assert compared["saved"].tolist() == [0, 2, 1]
    assert compared["saved_share"].tolist() == [0, 2 / 7, 1 / 7]


def test_compare_shows_a_typical_row() -> None:
    """The example is of the most frequent cost and of median length, and the same row in each rendering."""
    texts = ["ά", "Γεια σου Μαρία", "Γεια σου Κωνσταντίνε", "α" * 71, "β" * 500]

    assert compare_renderings(pd.Series(texts))["example"].tolist() == [
        "Γεια σου Μαρία",
        "ΓEIA ΣOY MAPIA",
        "Geia sou Maria",
    ]


@pytest.mark.parametrize(
    "number",
    [
        "306900000123",
        "+30 690 000 0123",
        "690-0000-123",
        "(690) 0000123",
        "690\u00a0000\u00a00123",
        "99000123",
        "６９００００００１２３",
    ],
)
def test_compare_shows_no_number(number: str) -> None:
    """What may be a telephone number is masked in the example."""
    shown = compare_renderings(pd.Series([f"Ο αριθμός {number}, 5€"]))["example"]

    assert (shown.str.count("•••") == 1).all()
    assert not shown.str.contains(number, regex=False).any()
    assert shown.str.count(r"\d").max() <= len("69001235")


@pytest.mark.parametrize("texts", [[], [None, None], ["\ud83d"]])
def test_compare_nothing(texts: list[str | None]) -> None:
    """Without a text there is nothing to pay, no mean, no share and no example; the dtypes stay."""
    compared = compare_renderings(pd.Series(texts, dtype=object))
    full = compare_renderings(pd.Series(["ά"]))

    assert compared[["rows", "segments", "saved"]].sum().tolist() == [0, 0, 0]
    assert compared[["mean_segments", "saved_share", "example"]].isna().all(axis=None)
    assert compared.dtypes.equals(full.dtypes)


def test_compare_fills_a_template() -> None:
    """Of a frame and a text, the filled rows count; a row without a value does not."""
    people = pd.DataFrame({"όνομα": ["Μαρία", None, "Ελένη"]}, index=["x", "x", "x"])
    compared = compare_renderings(people, text="Γεια σου {όνομα}! " + "ώρα " * 20)

    assert compared.equals(compare_renderings(pd.Series([f"Γεια σου {n}! " + "ώρα " * 20 for n in ("Μαρία", "Ελένη")])))
    assert compared["segments"].tolist() == [4, 2, 2]


def test_compare_takes_a_plan() -> None:
    """Of a plan, the texts that are to be sent count, whatever prefix its columns have."""
    columns = tables.empty("plan", 3) | {
        "text": tables.column("plan", "text", ["ά" * 71, "ώ" * 200, None]),
        "action": tables.column("plan", "action", ["send", "skip", "skip"]),
    }
    plan = pd.DataFrame(columns, index=["x", "x", "y"])
    prefixed = plan.add_prefix("p_")
    prefixed.attrs["plan_prefix"] = "p_"

    assert compare_renderings(plan)[["rows", "segments"]].to_numpy().tolist() == [[1, 2], [1, 1], [1, 1]]
    assert compare_renderings(prefixed).equals(compare_renderings(plan))
    assert compare_renderings(plan.iloc[1:])["rows"].tolist() == [0, 0, 0]


def test_compare_what_cannot_be_compared() -> None:
    """A frame that is no plan needs a text, texts need none, and a wrong template is an error."""
    with pytest.raises(ColumnError, match="no plan"):
        compare_renderings(pd.DataFrame({"text": ["ά"]}))
    with pytest.raises(ConfigurationError, match="Give the frame"):
        compare_renderings(pd.Series(["ά"]), text="{name}")
    with pytest.raises(TextError, match="lone"):
        compare_renderings(pd.DataFrame({"name": ["ά"]}), text="{name")
    with pytest.raises(ColumnError, match="Series of text"):
        compare_renderings(["ά"])  # type: ignore[arg-type]
