"""Pairs of questions alike in nearly all: with equal rules none of them agrees, whichever venue asks which."""

from __future__ import annotations

import pytest

from pairing.candidates import judge
from pairing.judgement import Verdict
from tests.pairing.kit import LEAGUES, gamma_question, kalshi_question

RULES = "Times are ET. If it is cancelled, this market resolves to No."

ALIKE = (
    ("Will Ann score 3 and Bo 5 on May 3, 2026?", "Will Ann score 5 and Bo 3 on May 3, 2026?"),
    ("Will Ann score 3+ and Bo 5 on May 3, 2026?", "Will Ann score 5 and Bo 3+ on May 3, 2026?"),
    ("Will Trump win the 2028 election?", "Will Trump win the 2028 Republican nomination?"),
    ("Will Ann Lee win Iowa in the 2028 primary?", "Will Ann Lee win the Iowa caucus in 2028?"),
    ("Will the Fed cut rates by 25 bps in March 2026?", "Will the Fed hike rates by 25 bps in March 2026?"),
    ("Will the Fed cut rates by 25 bps in March 2026?", "Will the Fed cut rates by 25+ bps in March 2026?"),
    ("Will the Fed cut rates 2 times in 2026?", "Will the Fed cut rates 2 or more times in 2026?"),
    ("Will BTC close above $100k on May 3, 2026?", "Will BTC hit $100k on May 3, 2026?"),
    ("Will BTC be above $100k on May 3, 2026 at 5pm?", "Will BTC be above $100k on May 3, 2026 at 12pm?"),
    ("Will BTC be above $100k on May 3, 2026 at 5:00 PM?", "Will BTC be above $100k on May 3, 2026 at 12:00 PM?"),
    ("Will CPI rise more than 0.3% in May 2026?", "Will core CPI rise more than 0.3% in May 2026?"),
    ("Will CPI rise more than 0.3% in May 2026?", "Will CPI YoY rise more than 0.3% in May 2026?"),
    (
        "Will the high in Rome be 50-51 on May 3, 2026?",
        "Will the high in Rome be 50 or above on May 3, 2026?",
    ),
    (
        "Will the high in Rome be above 50 on May 3, 2026?",
        "Will the low in Rome be above 50 on May 3, 2026?",
    ),
    ("Will Ann be the next CEO of Acme by May 3, 2026?", "Will Ann be CEO of Acme by May 3, 2026?"),
    ("Will Ann be out as CEO of Acme by May 3, 2026?", "Will Ann be CEO of Acme by May 3, 2026?"),
    ("Will Ann or Bo win by May 3, 2026?", "Will Ann and Bo win by May 3, 2026?"),
    ("Will A beat B by May 3, 2026?", "Will B beat A by May 3, 2026?"),
    ("Will Republicans win the Senate in 2026?", "Will Republicans win the House in 2026?"),
    ("Will Republicans win the Senate in 2026?", "Will Democrats win the Senate in 2026?"),
    ("Will Israel strike Iran by May 3, 2026?", "Will Iran strike Israel by May 3, 2026?"),
    ("Will israel strike iran by May 3, 2026?", "Will iran strike israel by May 3, 2026?"),
    ("Will Israel withdraw from Gaza by May 3, 2026?", "Will Israel withdraw into Gaza by May 3, 2026?"),
    ("Will Ann Lee Jr. win in 2026?", "Will Ann Lee win in 2026?"),
    ("Will Ann Lee finish 2nd in 2026?", "Will Ann Lee finish in the top 2 in 2026?"),
    ("Will Ann Lee finish in the top 5 in 2026?", "Will Ann Lee finish in the top 10 in 2026?"),
    ("Will Ann Lee finish first in 2026?", "Will Ann Lee finish first or second in 2026?"),
    (
        "Will the film gross over $100m at first in 2026?",
        "Will the film gross over $100m domestic at first in 2026?",
    ),
    ("Will it rain in Paris on May 3, 2026?", "Will it rain in Paris, Texas on May 3, 2026?"),
    ("Will Korea ban crypto in 2026?", "Will North Korea ban crypto in 2026?"),
    ("Will Georgia hold an election in 2026?", "Will Georgia (US) hold an election in 2026?"),
    ("Will Ann Lee announce a run by May 3, 2026?", "Will Ann Lee run by May 3, 2026?"),
    ("Will there be a government shutdown by May 3, 2026?", "Will there be no government shutdown by May 3, 2026?"),
    ("Will the shutdown last more than 10 days in 2026?", "Will the shutdown last at least 10 days in 2026?"),
    ("Will the shutdown end by May 3, 2026?", "Will the shutdown begin by May 3, 2026?"),
    ("Will A win more seats than B in 2026?", "Will A win more votes than B in 2026?"),
    ("Will the US acquire Greenland in 2026?", "Will us acquire Greenland in 2026?"),
    ("Will SPX close above 6000 in May 2026?", "Will SPX close above 6,000 at the end of May 2026?"),
    ("Will SPX close above 6000 in May 2026?", "Will SPX close above 6000 by May 31, 2026?"),
    ("Will SPX be above 6000 before May 2026?", "Will SPX be above 6000 before May 2, 2026?"),
    ("Will Ann resign during May 2026?", "Will Ann resign by May 31, 2026?"),
    ("Will Ann resign between May 1 and May 31, 2026?", "Will Ann resign between May 1 and June 30, 2026?"),
    ("Will Ann resign on or before May 31, 2026?", "Will Ann resign before May 31, 2026?"),
    ("Will Ann resign after May 31, 2026?", "Will Ann resign on or after May 31, 2026?"),
    ("Will Ann resign since May 31, 2026?", "Will Ann resign after May 31, 2026?"),
    ("Will Ann resign by May 3, 2026 or June 3, 2026?", "Will Ann resign by May 3, 2026?"),
    ("Will Ann resign from May 3, 2026?", "Will Ann resign on May 3, 2026?"),
    ("Will the 2026 winner be Ann?", "Will the 2027 winner be Ann?"),
    ("Will Ann win Season 45 in 2026?", "Will Ann win Season 46 in 2026?"),
    ("Will Ann win the 98th Oscars in 2026?", "Will Ann win the 99th Oscars in 2026?"),
    ("Will Super Bowl LX be won by Ann in 2026?", "Will Super Bowl LIX be won by Ann in 2026?"),
    ("Will Ann get exactly 5 wins in 2026?", "Will Ann get 5 wins in 2026?"),
    ("Will Ann get 5+ wins in 2026?", "Will Ann get 5 wins in 2026?"),
    ("Will Ann get over 4.5 wins in 2026?", "Will Ann get under 4.5 wins in 2026?"),
    ("Will oil fall below -$5 in May 2026?", "Will oil fall below $5 in May 2026?"),
    ("Will GDP be between -1% and 1% in Q1 2026?", "Will GDP be between 1% and 1% in Q1 2026?"),
    ("Will GDP growth be above 2.5% in Q1 2026?", "Will GDP growth be above 2.5% in Q2 2026?"),
    ("Will GDP growth be above 2.5 in Q1 2026?", "Will GDP growth be above 25 in Q1 2026?"),
    ("Will Ann's approval be above 45% on May 3, 2026?", "Will Ann's disapproval be above 45% on May 3, 2026?"),
    ("Will Ann's net approval be above -5 on May 3, 2026?", "Will Ann's net approval be above 5 on May 3, 2026?"),
    ("Will Team A win game 3 on May 3, 2026?", "Will Team A win game 4 on May 3, 2026?"),
    ("Will Team A win the series 4-2 by May 3, 2026?", "Will Team A win the series 4-3 by May 3, 2026?"),
    ("Will Team A win by 3 on May 3, 2026?", "Will Team A win 3 on May 3, 2026?"),
    ("Will Trump say 'Biden' on May 3, 2026?", "Will Biden say 'Trump' on May 3, 2026?"),
    ("Will Trump say 'Biden' on May 3, 2026?", "Will Trump say 'Biden' 5 times on May 3, 2026?"),
    ("Will Ann not be convicted by May 3, 2026?", "Will Ann be convicted by May 3, 2026?"),
    ("Will Ann be un-banned by May 3, 2026?", "Will Ann be banned by May 3, 2026?"),
    ("Will the House pass A before the Senate in 2026?", "Will the Senate pass A before the House in 2026?"),
    ("Will the house pass it before the senate in 2026?", "Will the senate pass it before the house in 2026?"),
    ("Will gold outperform silver in 2026?", "Will silver outperform gold in 2026?"),
    (
        "Will a law come with tariffs by May 3, 2026?",
        "Will a law come without tariffs by May 3, 2026?",
    ),
    ("Will Ann vote for Bo in 2026?", "Will Ann vote against Bo in 2026?"),
    ("Will prices go from 5 to 10 in 2026?", "Will prices go from 10 to 5 in 2026?"),
    ("Will Ann and Bo divorce in 2026?", "Will Ann and Cy divorce in 2026?"),
    ("Will Ann lose to Bo in 2026?", "Will Ann lose with Bo in 2026?"),
)


@pytest.mark.parametrize(("one", "two"), ALIKE)
def test_alike_is_not_the_same(one: str, two: str) -> None:
    for mine, other in ((one, two), (two, one)):
        judgement = judge(kalshi_question(mine, rules=RULES), gamma_question(other, rules=RULES), LEAGUES)
        assert judgement.verdict is not Verdict.SAME
        assert not judgement.titles_agree


@pytest.mark.parametrize("question", sorted({question for pair in ALIKE for question in pair if "2026" in question}))
def test_each_of_them_is_the_same_as_itself_or_names_no_day(question: str) -> None:
    judgement = judge(kalshi_question(question, rules=RULES), gamma_question(question, rules=RULES), LEAGUES)
    assert judgement.verdict is not Verdict.DIFFERENT
