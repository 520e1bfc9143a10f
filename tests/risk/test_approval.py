"""An approval is made by risk alone."""

from __future__ import annotations

import ast
import copy
import pickle

import pytest

from actors.risk.approval import Approval, NotApproved
from tests.ground.project import ROOT, SHIPPED, sources
from tests.risk.kit import T0, a_book, approved, arb, contracts, order, usd


def test_nobody_makes_one_by_hand() -> None:
    for proof in (None, object(), "risk", 0):
        with pytest.raises(NotApproved, match="risk alone"):
            Approval(proof, arb(), usd(1), None)


def test_one_made_around_the_constructor_opens_nothing() -> None:
    book = a_book()
    real = approved(book.approve(arb(), T0))
    forged = object.__new__(Approval)
    for name in Approval.__slots__:
        object.__setattr__(forged, name, getattr(real, name))
    with pytest.raises(NotApproved, match="not given here"):
        book.sent(forged, [order(real, 0)], T0)


def test_it_cannot_be_changed_copied_or_pickled() -> None:
    approval = approved(a_book().approve(arb(), T0))
    with pytest.raises(AttributeError, match="cannot be changed"):
        approval.quantity = contracts(99)
    with pytest.raises(AttributeError, match="cannot be changed"):
        del approval.legs
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(NotApproved, match="cannot be copied"):
            way(approval)


def test_only_the_book_of_money_mints() -> None:
    minters = []
    for path in sources(*SHIPPED):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        if names & {"mint", "_MINT"}:
            minters.append(str(path.relative_to(ROOT)))
    assert minters == ["actors/risk/reservation.py"]
