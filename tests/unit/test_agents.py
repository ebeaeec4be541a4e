"""Device, browser and robots from user agents."""

from pathlib import Path

import pytest

from opsmantik_box.domain.agents import Agent, read_agent

DATA = Path(__file__).parent.parent / "data"


def lines(name: str) -> list[str]:
    return [line for line in (DATA / name).read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("line", lines("visitors.tsv"))
def test_a_visitors_device_and_browser_are_told_and_no_visitor_is_a_robot(line: str):
    device, browser, user_agent = line.split("\t")
    assert read_agent(user_agent) == Agent(device, browser, "")


def test_robots_are_recognised():
    robots = lines("crawlers.txt")
    missed = [robot for robot in robots if not read_agent(robot).bot_reason]
    assert len(missed) <= len(robots) * 0.005, missed


@pytest.mark.parametrize(
    ("user_agent", "reason"),
    [
        ("", "no user agent"),
        ("   ", "no user agent"),
        ("curl/8.11.0", "no browser"),
        ("python-requests/2.32.3", "no browser"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler googlebot"),
        ("AdsBot-Google (+http://www.google.com/adsbot.html)", "crawler adsbot-google"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "crawler facebookexternalhit"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36",
            "headless",
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "crawler gptbot",
        ),
    ],
)
def test_a_robot_is_kept_with_its_reason(user_agent: str, reason: str):
    agent = read_agent(user_agent)
    assert (agent.device, agent.bot_reason) == ("bot", reason)
