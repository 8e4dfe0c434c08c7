"""A watch of a ring, round by round: members that beat on their own clocks, and places that show them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from cortexctl.errors import CortexctlError, UnavailableError
from cortexctl.findings import Severity
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import COMPACTOR_RING, DISTRIBUTOR, INGESTER, STORE_GATEWAY, Component, Settings
from cortexctl.ring.gotime import ZERO_S
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.watch.events import Event, EventKind, Standing, Watched
from cortexctl.ring.watch.places import Place
from cortexctl.ring.watch.watcher import Watcher
from tests.evidence import misnamed

T0 = 1_760_000_000.0
STORE = "consul://kv:8500"


@dataclass
class Member:
    """What a member does by itself: a heartbeat each period, on its own clock."""

    id: str
    phase_s: float = 0.0
    skew_s: int = 0
    dies_s: float = float("inf")
    lives_again_s: float = float("inf")
    zone: str = ""
    state: InstanceState = InstanceState.ACTIVE
    addr: str = ""
    tokens: tuple[int, ...] = ()
    registered_s: int = 1

    def entry(self, at_s: float, period_s: float) -> Instance:
        """Return its entry as it is stored after so many seconds."""
        last_s = at_s - (at_s - self.phase_s) % period_s
        if self.dies_s < last_s < self.lives_again_s:
            last_s = self.dies_s - (self.dies_s - self.phase_s) % period_s
        stamp_s = int(T0 + last_s) + self.skew_s
        return instance(
            self.id, self.addr, self.state, self.zone, self.tokens, stamp_s, self.registered_s
        )  # fmt: skip


@dataclass
class Cluster:
    """Members, and a watch that sees them, by default at the store itself."""

    members: list[Member]
    component: Component = INGESTER
    period_s: float = 5
    told_period_s: float | None = None
    settings: Settings = field(default_factory=Settings)
    backend: Backend | None = Backend.CONSUL

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.component)

    def view(
        self, at_s: float, *, clock_s: float | None = None, updated_s: float | None = None, without: str = ""
    ) -> CheckedRing:
        """Return what was stored after `at_s`; with `clock_s`, as a page shows it then."""
        page_s = None if clock_s is None else T0 + clock_s
        entries = [each.entry(at_s, self.period_s) for each in self.members if each.id != without]
        stored = ring(entries, now_s=page_s, updated_s=None if updated_s is None else T0 + updated_s)
        now_s = T0 + at_s if page_s is None else page_s
        period_s = self.told_period_s
        return CheckedRing(self.component, stored, self.settings, now_s, self.backend, heartbeat_period_s=period_s)

    def watch(
        self,
        rounds: Iterable[float],
        see: Callable[[float], dict[str, CheckedRing | CortexctlError]] | None = None,
        **options: dict[str, float],
    ) -> list[Event]:
        """Return the events of rounds at so many seconds."""
        told = []
        for at_s in rounds:
            views = {STORE: self.view(at_s)} if see is None else see(at_s)
            told += self.watcher.see(T0 + at_s, views, **options)
        return told

    def standing(self) -> dict[str, Standing]:
        return {each.id: each.standing for each in self.watcher.members()}

    def of(self, name: str) -> Watched:
        return next(each for each in self.watcher.members() if each.id == name)


def six(**changes: Any) -> list[Member]:
    """Return six members whose heartbeats are spread over the period, in three zones."""
    step = SPACE // 60
    return [
        replace(
            Member(
                f"i-{number}",
                phase_s=number * 0.8,
                zone=f"zone-{'abc'[number % 3]}",
                addr=f"10.0.0.{number}:9095",
                tokens=tuple((turn * 6 + number) * step for turn in range(10)),
            ),
            **changes,
        )
        for number in range(6)
    ]


def every(step_s: float, until_s: float, start_s: float = 0) -> list[float]:
    return [start_s + turn * step_s for turn in range(int((until_s - start_s) / step_s) + 1)]


def told(events: Iterable[Event]) -> list[tuple[str, str, float]]:
    """Return what was told of whom, and after how many seconds; its evidence says its units."""
    events = list(events)
    assert [name for each in events for name in misnamed(each.evidence)] == []
    return [(each.kind.value, each.subject, each.at_s - T0) for each in events]


def kinds(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(each.kind.value, each.subject) for each in events]


@pytest.mark.parametrize("step_s", [0.5, 1, 3, 5, 7, 30, 60])
@pytest.mark.parametrize(("component", "period_s"), [(INGESTER, 5), (STORE_GATEWAY, 15)])
def test_of_a_healthy_ring_nothing_is_told(component: Component, period_s: float, step_s: float) -> None:
    cluster = Cluster(six(), component, period_s)
    assert cluster.watch(every(step_s, 300)) == []
    assert set(cluster.standing().values()) == {Standing.FINE}
    overview = cluster.watcher.overview()
    assert (overview.members, overview.healthy, overview.places, overview.followed) == (6, 6, 1, 1)
    assert all(overview.quorums.values())
    assert list(overview.quorums) == (["Write", "Read"] if component is INGESTER else ["BlocksRead"])


def test_one_dies() -> None:
    cluster = Cluster(six())
    cluster.members[2].dies_s = 100
    events = cluster.watch(every(1, 300))
    # The last heartbeat is of 96.6, and is seen at 97; it stops after 107, and is 60 s old after 156.
    assert told(events) == [("heartbeat-stopped", "i-2", 108), ("unhealthy", "i-2", 157)]
    stopped, unhealthy = events
    assert stopped.message == "no heartbeat for 11s; its last one was seen at 2025-10-09T08:54:57Z"
    assert stopped.evidence["others_beating"] == 5
    assert stopped.evidence["heartbeat_at_s"] == T0 + 96
    assert (stopped.severity, unhealthy.severity) == (Severity.WARNING, Severity.HIGH)
    assert unhealthy.message == "its last heartbeat is 1m1s old, more than 1m"
    watched = cluster.of("i-2")
    assert (watched.standing, watched.silent_s, watched.beats, watched.interval_s) == (
        Standing.UNHEALTHY, 203, 20, pytest.approx(5, abs=0.1),
    )  # fmt: skip


def test_one_that_stops_is_late_then_stopped_then_unhealthy() -> None:
    cluster = Cluster(six())
    cluster.members[2].dies_s = 20
    seen = []
    for at_s in every(1, 120):
        cluster.watch([at_s])
        standing = cluster.standing()["i-2"]
        if [standing] != seen[-1:]:
            seen.append(standing)
    assert seen == [Standing.FINE, Standing.LATE, Standing.STOPPED, Standing.UNHEALTHY]


@pytest.mark.parametrize("step_s", [1, 5, 15, 60])
def test_one_that_dies_is_named_once_however_frequent_the_rounds(step_s: float) -> None:
    cluster = Cluster(six(), STORE_GATEWAY, 15)
    cluster.members[2].dies_s = 130
    events = cluster.watch(every(step_s, 900))
    assert kinds(events) == [("heartbeat-stopped", "i-2"), ("unhealthy", "i-2")]
    # Not sooner than two periods after it died, and no later than three and two rounds.
    assert 130 + 15 < events[0].at_s - T0 <= 130 + 45 + 2 * step_s


def test_all_stop_and_come_back() -> None:
    cluster = Cluster(six(dies_s=100, lives_again_s=200))
    events = cluster.watch(every(1, 300), took_s={STORE: 0.25})
    assert told(events) == [
        ("store-stuck", "ingester", 111),
        ("unhealthy", "ingester", 156),
        ("quorum-lost", "ingester", 157),
        ("quorum-lost", "ingester", 157),
        ("store-back", "ingester", 202),
        ("quorum-back", "ingester", 204),
        ("quorum-back", "ingester", 204),
    ]
    assert events[0].severity is Severity.CRITICAL
    assert events[0].message == (
        "6 of 6 members stopped together at 2025-10-09T08:55:00Z: the store (consul) or the way to it is stuck, "
        "not they; forget no one; to read consul://kv:8500 took 0.25 s, usually 0.25 s"
    )
    assert events[0].evidence["instances"] == [f"i-{number}" for number in range(6)]
    assert events[2].message == "Write has no quorum: 33.3% of the keys have too few healthy replicas"
    assert events[4].message == "3 of 6 members send heartbeats again, after 1m42s without; the others are waited for"
    assert {round(each.interval_s or 0, 1) for each in cluster.watcher.members()} == {5.0}
    assert set(cluster.standing().values()) == {Standing.FINE}


def test_while_the_store_is_stuck_the_overview_says_so() -> None:
    cluster = Cluster(six(dies_s=100))
    cluster.watch(every(1, 130))
    overview = cluster.watcher.overview()
    assert overview.is_stuck
    assert overview.healthy == 0
    assert set(cluster.standing().values()) == {Standing.STOPPED}
    cluster.watch(every(1, 200, start_s=131))
    assert cluster.watcher.overview().quorums == {"Write": False, "Read": False}


@pytest.mark.parametrize("step_s", [1, 4, 15, 60])
def test_all_stop_however_frequent_the_rounds(step_s: float) -> None:
    cluster = Cluster(six(dies_s=130), DISTRIBUTOR, 15, told_period_s=15)
    events = cluster.watch(every(step_s, 600))
    assert kinds(events) == [("store-stuck", "distributor"), ("unhealthy", "distributor")]


def test_one_that_does_not_come_back_with_the_store_is_named() -> None:
    cluster = Cluster(six(dies_s=100, lives_again_s=200))
    cluster.members[3].lives_again_s = float("inf")
    events = [each for each in cluster.watch(every(1, 300)) if each.kind.value not in ("quorum-lost", "quorum-back")]
    assert kinds(events) == [
        ("store-stuck", "ingester"),
        ("unhealthy", "ingester"),
        ("store-back", "ingester"),
        ("heartbeat-stopped", "i-3"),
    ]
    assert events[-1].evidence["last_seen_at_s"] == T0 + 98
    assert cluster.standing()["i-3"] is Standing.UNHEALTHY


def test_a_zone_that_dies_is_its_members_and_not_the_store() -> None:
    cluster = Cluster(six())
    for each in (cluster.members[0], cluster.members[3]):
        each.dies_s = 50
    events = cluster.watch(every(1, 90))
    assert kinds(events) == [("heartbeat-stopped", "i-3"), ("heartbeat-stopped", "i-0")]
    assert [each.evidence["zone"] for each in events] == ["zone-a", "zone-a"]


def test_one_that_stops_a_little_later_than_the_others_is_part_of_it() -> None:
    cluster = Cluster(six(dies_s=50), DISTRIBUTOR)
    cluster.members[5].dies_s = 57
    events = cluster.watch(every(1, 80))
    assert told(events) == [("store-stuck", "distributor", 62)]
    assert len(events[0].evidence["instances"]) == 5
    assert set(cluster.standing().values()) == {Standing.STOPPED}


def test_the_last_of_a_dead_ring_are_not_the_store() -> None:
    cluster = Cluster(six(dies_s=0), DISTRIBUTOR)
    for number, each in enumerate(cluster.members):
        each.dies_s = 170 if number < 2 else -30 * number
    events = cluster.watch(every(1, 200, start_s=100))
    assert {each.kind for each in events} == {EventKind.UNHEALTHY, EventKind.HEARTBEAT_STOPPED}


def test_a_time_out_that_is_shorter_than_it_takes_to_decide() -> None:
    cluster = Cluster(six(dies_s=50), DISTRIBUTOR, settings=Settings(heartbeat_timeout_s=12))
    assert kinds(cluster.watch(every(1, 80))) == [("store-stuck", "distributor"), ("unhealthy", "distributor")]


def test_one_that_died_after_a_heartbeat_of_long_ago_has_no_wrong_clock() -> None:
    cluster = Cluster(six(), STORE_GATEWAY, 15)
    cluster.members[1].dies_s = 170
    assert kinds(cluster.watch(every(150, 900))) == [("unhealthy", "i-1"), ("heartbeat-stopped", "i-1")]


def test_one_by_one_is_not_the_store() -> None:
    cluster = Cluster(six())
    for number, each in enumerate(cluster.members):
        each.dies_s = 50 + 12 * number
    events = cluster.watch(every(1, 200))
    assert [each.kind for each in events].count(EventKind.HEARTBEAT_STOPPED) == 6
    assert EventKind.STORE_STUCK not in {each.kind for each in events}


def test_of_two_members_one_that_dies_is_itself_and_both_are_the_store() -> None:
    one = Cluster(six()[:2], COMPACTOR_RING)
    one.members[0].dies_s = 50
    assert kinds(one.watch(every(1, 80))) == [("heartbeat-stopped", "i-0")]
    both = Cluster(six(dies_s=50)[:2], COMPACTOR_RING)
    assert kinds(both.watch(every(1, 80))) == [("store-stuck", "compactor")]
    alone = Cluster(six(dies_s=50)[:1], COMPACTOR_RING)
    assert kinds(alone.watch(every(1, 80))) == [("heartbeat-stopped", "i-0")]


def test_a_ring_that_went_stale_before_the_watch_is_a_stuck_store() -> None:
    cluster = Cluster(six(dies_s=0, lives_again_s=220, phase_s=0), DISTRIBUTOR)
    events = cluster.watch(every(1, 300, start_s=150))
    assert told(events) == [("store-stuck", "distributor", 150), ("store-back", "distributor", 220)]


def test_the_dead_are_named_as_the_watch_begins_and_not_as_they_stay_dead() -> None:
    cluster = Cluster(six())
    cluster.members[1].dies_s = 0
    cluster.members[1].lives_again_s = 300
    events = cluster.watch(every(1, 320, start_s=150))
    assert told(events) == [("unhealthy", "i-1", 150), ("healthy", "i-1", 301)]


def test_flapping_is_told_each_time_and_nothing_twice() -> None:
    cluster = Cluster(six())
    flapper = cluster.members[4]
    events = []
    for start_s in (0, 100, 200):
        flapper.dies_s, flapper.lives_again_s = start_s + 20, start_s + 60
        events += cluster.watch(every(1, start_s + 99, start_s))
    assert kinds(events) == [("heartbeat-stopped", "i-4"), ("heartbeat-resumed", "i-4")] * 3
    assert events[1].message == "sends heartbeats again, after 45s without"
    assert cluster.of("i-4").interval_s == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("step_s", [1, 60])
def test_a_clock_that_is_behind(step_s: float) -> None:
    cluster = Cluster(six())
    cluster.members[0].skew_s = -600
    events = cluster.watch(every(step_s, 300))
    assert kinds(events) == [("unhealthy", "i-0"), ("clock-off", "i-0")]
    assert "behind: it sends heartbeats, and Cortex takes it for dead" in events[1].message
    watched = cluster.of("i-0")
    assert watched.silent_s < 5
    assert watched.age_s == pytest.approx(600, abs=6)


def test_a_clock_that_is_ahead_hides_a_death_from_cortex_and_not_from_the_watch() -> None:
    cluster = Cluster(six())
    cluster.members[0].skew_s, cluster.members[0].dies_s = 600, 100
    events = cluster.watch(every(1, 400))
    assert told(events) == [("clock-off", "i-0", 5), ("heartbeat-stopped", "i-0", 111)]
    assert events[0].message.startswith("its clock is 10m ahead")
    assert cluster.standing()["i-0"] is Standing.STOPPED


@pytest.mark.parametrize("step_s", [1, 60])
def test_a_clock_that_is_set_right_is_no_silence(step_s: float) -> None:
    cluster = Cluster(six())
    cluster.members[0].skew_s = 600
    early = cluster.watch(every(step_s, 120))
    cluster.members[0].skew_s = 0
    assert kinds(early) == [("clock-off", "i-0")]
    assert cluster.watch(every(step_s, 600, start_s=120 + step_s)) == []


def test_a_restart_with_new_tokens() -> None:
    cluster = Cluster(six())
    cluster.watch(every(1, 60))
    pod = cluster.members[5]
    before = pod.tokens
    pod.tokens, pod.addr, pod.state = (), "10.0.1.9:9095", InstanceState.PENDING
    pending = cluster.watch(every(1, 70, 61))
    pod.tokens, pod.state = (*before[:4], 7, 8), InstanceState.ACTIVE
    active = cluster.watch(every(1, 80, 71))
    assert [(each.kind.value, each.message) for each in pending] == [
        ("state-changed", "is PENDING, was ACTIVE"),
        ("address-changed", "is at 10.0.1.9:9095, was at 10.0.0.5:9095"),
        ("tokens-changed", "has 0 tokens, had 10; 0 are new"),
    ]
    assert [(each.kind.value, each.message) for each in active] == [
        ("state-changed", "is ACTIVE, was PENDING"),
        ("tokens-changed", "has 6 tokens, had 0; 6 are new"),
    ]


def test_the_same_number_of_other_tokens_and_a_new_registration() -> None:
    cluster = Cluster(six())
    cluster.watch(every(1, 20))
    cluster.members[0].tokens = tuple(token + 1 for token in cluster.members[0].tokens)
    cluster.members[0].registered_s = 2
    (event,) = cluster.watch(every(1, 40, 21))
    assert event.message == "has 10 tokens, had 10; 10 are new; it registered anew"
    assert event.evidence == {"before": 10, "after": 10, "new": 10, "registered_at_s": 2}


def test_joining_readonly_leaving_and_gone() -> None:
    cluster = Cluster(six())
    pod = cluster.members.pop()
    assert cluster.watch(every(1, 20)) == []
    cluster.members.append(pod)
    joined = cluster.watch(every(1, 40, 21))
    pod.state = InstanceState.READONLY
    readonly = cluster.watch(every(1, 60, 41))
    pod.state = InstanceState.LEAVING
    leaving = cluster.watch(every(1, 80, 61))
    cluster.members.remove(pod)
    gone = cluster.watch(every(1, 100, 81))
    assert [each.message for each in joined] == ["joined the ring in zone zone-c, ACTIVE with 10 tokens"]
    assert kinds(joined + readonly + leaving + gone) == [
        ("joined", "i-5"),
        ("readonly", "i-5"),
        ("state-changed", "i-5"),
        ("left", "i-5"),
    ]
    assert gone[0].message == "left the ring; it was LEAVING"
    assert len(cluster.watcher.members()) == 5


def test_a_dead_one_that_is_forgotten() -> None:
    cluster = Cluster(six())
    cluster.members[0].dies_s = 10
    cluster.watch(every(1, 100))
    del cluster.members[0]
    (event,) = cluster.watch(every(1, 110, 101))
    assert (event.kind, event.message) == (
        EventKind.LEFT, "left the ring; it was ACTIVE, its last heartbeat 1m31s before",
    )  # fmt: skip


def test_a_tombstone_of_memberlist_has_left() -> None:
    cluster = Cluster(six(), backend=Backend.MEMBERLIST)
    cluster.watch(every(1, 20))
    cluster.members[0].state = InstanceState.LEFT
    assert kinds(cluster.watch(every(1, 40, 21))) == [("left", "i-0")]


def test_a_place_that_cannot_be_read() -> None:
    cluster = Cluster(six())

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        fails = 50 <= at_s < 120
        return {STORE: UnavailableError("consul://kv:8500: timed out") if fails else cluster.view(at_s)}

    events = cluster.watch(every(1, 100), see)
    assert set(cluster.standing().values()) == {Standing.UNKNOWN}
    events += cluster.watch(every(1, 200, 101), see)
    assert told(events) == [("view-lost", STORE, 50), ("view-back", STORE, 120)]
    assert events[0].message == "cannot be read: consul://kv:8500: timed out"
    assert events[1].message == "can be read again, after 1m10s"
    assert set(cluster.standing().values()) == {Standing.FINE}


def test_a_place_that_could_not_be_read_at_first_joins_nobody() -> None:
    cluster = Cluster(six())
    events = cluster.watch(
        every(1, 20), lambda at_s: {STORE: UnavailableError("down") if at_s < 5 else cluster.view(at_s)}
    )
    assert kinds(events) == [("view-lost", STORE), ("view-back", STORE)]


def test_a_member_that_died_while_nobody_could_look() -> None:
    cluster = Cluster(six())
    cluster.members[0].dies_s = 60
    events = cluster.watch(
        every(1, 110), lambda at_s: {STORE: UnavailableError("down") if 50 <= at_s < 90 else cluster.view(at_s)}
    )
    assert kinds(events) == [("view-lost", STORE), ("view-back", STORE), ("heartbeat-stopped", "i-0")]


def test_a_view_that_freezes_and_thaws() -> None:
    cluster = Cluster(six())

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        copied_s = 50 if 50 <= at_s < 150 else at_s
        return {STORE: cluster.view(at_s), "http://a": cluster.view(copied_s, clock_s=at_s)}

    events = cluster.watch(every(1, 300), see)
    assert told(events) == [
        ("view-frozen", "http://a", 61),
        ("quorum-lost", "ingester", 107),
        ("quorum-lost", "ingester", 107),
        ("view-back", "http://a", 150),
        ("quorum-back", "ingester", 150),
        ("quorum-back", "ingester", 150),
    ]
    assert events[0].message == (
        "its copy has no newer heartbeat since 2025-10-09T08:54:10Z, and others have: its watch is dead"
    )
    assert events[1].message.endswith(" (at 1 of 2 places: http://a)")


def test_a_frozen_view_stays_frozen_when_the_other_place_is_lost() -> None:
    cluster = Cluster(six())

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        store = UnavailableError("down") if at_s >= 80 else cluster.view(at_s)
        return {STORE: store, "http://a": cluster.view(min(at_s, 50), clock_s=at_s)}

    events = [each for each in cluster.watch(every(1, 105), see) if each.severity is not Severity.CRITICAL]
    assert kinds(events) == [("view-frozen", "http://a"), ("view-lost", STORE)]
    assert set(cluster.standing().values()) == {Standing.UNKNOWN}


def test_a_copy_of_the_dead_alone_is_behind_nobody() -> None:
    cluster = Cluster(six())
    cluster.members[0].dies_s = 20

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        view = cluster.view(at_s)
        return {STORE: view, "http://a": replace(view, stored=ring([view.stored.instances["i-0"]]))}

    assert ("view-frozen", "http://a") not in kinds(cluster.watch(every(1, 100), see))


def test_a_ghost_in_a_frozen_view_has_left() -> None:
    cluster = Cluster(six())

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        left = "i-5" if at_s >= 52 else ""
        return {STORE: cluster.view(at_s, without=left), "http://a": cluster.view(min(at_s, 50), clock_s=at_s)}

    assert kinds(cluster.watch(every(1, 80), see)) == [("view-frozen", "http://a"), ("left", "i-5")]


def test_a_single_copy_that_freezes_may_be_the_store_or_the_copy() -> None:
    cluster = Cluster(six())
    events = cluster.watch(
        every(1, 80), lambda at_s: {"http://a": cluster.view(min(at_s, 50), clock_s=at_s, updated_s=at_s)}
    )
    assert kinds(events) == [("store-stuck", "ingester")]
    assert events[0].message.endswith("; or http://a does not follow it: a second --source would tell")


def test_a_copy_that_is_pulled_each_minute_is_judged_as_of_its_pull() -> None:
    cluster = Cluster(six(), backend=Backend.DYNAMODB)
    cluster.members[0].dies_s = 130

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        pulled_s = at_s - at_s % 60
        return {"http://a": cluster.view(pulled_s, clock_s=at_s, updated_s=pulled_s)}

    events = cluster.watch(every(5, 400), see)
    # The pull at 180 shows the heartbeat of 130, that at 240 none since.
    assert told(events) == [("heartbeat-stopped", "i-0", 240), ("unhealthy", "i-0", 240)]


@pytest.mark.parametrize("step_s", [1, 5, 45])
def test_the_store_and_a_copy_that_is_pulled_each_minute_agree(step_s: float) -> None:
    cluster = Cluster(six(), backend=Backend.DYNAMODB)

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        pulled_s = at_s - at_s % 60
        return {STORE: cluster.view(at_s), "http://a": cluster.view(pulled_s, clock_s=at_s, updated_s=pulled_s)}

    assert cluster.watch(every(step_s, 400), see) == []
    assert set(cluster.standing().values()) == {Standing.FINE}


def test_a_copy_that_is_no_longer_pulled_is_frozen_though_its_members_look_healthy() -> None:
    cluster = Cluster(six(), backend=Backend.DYNAMODB)

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        pulled_s = min(at_s - at_s % 60, 120) if at_s < 600 else at_s - at_s % 60
        return {"http://a": cluster.view(pulled_s, clock_s=at_s, updated_s=pulled_s)}

    events = cluster.watch(every(5, 800), see)
    assert told(events) == [("view-frozen", "http://a", 245), ("view-back", "http://a", 600)]
    assert events[0].message == "its copy was last updated 2m5s ago: it cannot read the store"


def test_a_copy_that_is_pulled_again_shows_that_all_have_stopped() -> None:
    cluster = Cluster(six(dies_s=110), DISTRIBUTOR, backend=Backend.DYNAMODB)

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        pulled_s = min(at_s - at_s % 60, 120) if at_s < 600 else at_s - at_s % 60
        return {"http://a": cluster.view(pulled_s, clock_s=at_s, updated_s=pulled_s)}

    events = cluster.watch(every(5, 800), see)
    assert told(events) == [
        ("view-frozen", "http://a", 245),
        ("view-back", "http://a", 600),
        ("store-stuck", "distributor", 600),
        ("unhealthy", "distributor", 600),
    ]


def test_a_copy_that_was_never_pulled() -> None:
    empty = CheckedRing(INGESTER, ring([], now_s=T0, updated_s=ZERO_S), INGESTER.settings, T0)
    (event,) = Watcher(INGESTER).see(T0, {"http://a": empty})
    assert event.message == "its copy was last updated never: it cannot read the store"


def test_a_heartbeat_that_any_place_shows_counts() -> None:
    """Two processes that gossip, each of which hears only half of the others."""
    cluster = Cluster(six(), backend=Backend.MEMBERLIST)

    def half(at_s: float, deaf_to: int) -> CheckedRing:
        now, old = cluster.view(at_s, clock_s=at_s), cluster.view(0, clock_s=at_s)
        entries = [
            (old if number % 2 == deaf_to else now).stored.instances[each.id] for number, each in enumerate(now.members)
        ]
        return replace(now, stored=ring(entries, now_s=T0 + at_s))

    events = cluster.watch(every(1, 200), lambda at_s: {"http://a": half(at_s, 0), "http://b": half(at_s, 1)})
    assert {each.kind for each in events} == {EventKind.QUORUM_LOST}
    assert set(cluster.standing().values()) == {Standing.FINE}


def test_a_copy_that_lags_behind_takes_nothing_back() -> None:
    cluster = Cluster(six())
    pod = cluster.members[0]
    old = {at_s: cluster.view(at_s - 4) for at_s in every(1, 20)}
    cluster.watch(every(1, 20), lambda at_s: {STORE: cluster.view(at_s), "http://a": old[at_s]})
    late = cluster.view(20)
    pod.state = InstanceState.LEAVING
    new = cluster.view(26)
    events = cluster.watch([26], lambda _: {STORE: new, "http://a": old[20]})
    events += cluster.watch([27], lambda _: {STORE: new, "http://a": late})
    events += cluster.watch([28], lambda _: {STORE: new, "http://a": new})
    assert kinds(events) == [("state-changed", "i-0")]


def test_what_changed_within_a_second_is_told_once() -> None:
    """An entry that was edited has the heartbeat it had."""
    cluster = Cluster(six())
    before = cluster.view(20)
    cluster.members[0].tokens = cluster.members[0].tokens[1:]
    after = cluster.view(20)
    events = []
    for at_s, at_a in ((20, before), (21, before), (22, after), (23, after)):
        store = before if at_s == 20 else after
        events += cluster.watch([at_s], lambda _, views=(at_a, store): {"http://a": views[0], STORE: views[1]})  # type: ignore[misc]  # a default binds them
    assert told(events) == [("tokens-changed", "i-0", 21)]


def test_copies_behind_one_address_do_not_raise_the_dead() -> None:
    """A load balancer leads to one process, then to another whose copy is frozen."""
    cluster = Cluster(six()[:3], COMPACTOR_RING)
    cluster.members[0].dies_s = 30
    frozen = cluster.view(20)
    events = cluster.watch(
        every(1, 80), lambda at_s: {"http://lb": frozen if at_s > 25 and at_s % 2 else cluster.view(at_s)}
    )
    assert ("heartbeat-stopped", "i-0") in kinds(events)
    assert ("heartbeat-resumed", "i-0") not in kinds(events)


def test_what_a_page_hides_is_no_change_of_state() -> None:
    cluster = Cluster(six())
    cluster.members[0].state, cluster.members[0].dies_s = InstanceState.LEAVING, 10

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        view = cluster.view(at_s, clock_s=at_s)
        entries = [
            each if view.view.is_alive(each) else replace(each, state=InstanceState.ACTIVE, hidden_state=True)
            for each in view.members
        ]
        return {"http://a": replace(view, stored=ring(entries, now_s=T0 + at_s))}

    assert kinds(cluster.watch(every(1, 100), see)) == [("heartbeat-stopped", "i-0"), ("unhealthy", "i-0")]
    assert cluster.of("i-0").state == "LEAVING"


def test_tokens_that_a_page_does_not_list_are_counted() -> None:
    cluster = Cluster(six())

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        view = cluster.view(at_s)
        count = 9 if at_s > 20 else 10
        entries = [replace(each, tokens=(), hidden_tokens=count) for each in view.members]
        return {"http://a": replace(view, stored=ring(entries))}

    events = cluster.watch(every(1, 40), see)
    assert {each.message for each in events} == {"has 9 tokens, had 10"}
    assert len(events) == 6
    assert cluster.watcher.overview().quorums == {}


def test_a_place_that_is_gone_takes_its_members_along() -> None:
    cluster = Cluster(six())
    cluster.watch(every(1, 10), lambda at_s: {STORE: cluster.view(at_s, without="i-0"), "http://a": cluster.view(at_s)})
    (event,) = cluster.watch([11], lambda at_s: {STORE: cluster.view(at_s, without="i-0")})
    assert (event.kind, event.subject, event.message) == (
        EventKind.VIEW_LOST, "http://a", "is no longer among the places",
    )  # fmt: skip
    assert len(cluster.watcher.members()) == 5


def test_an_item_that_cannot_be_decoded_is_not_gone() -> None:
    cluster = Cluster(six())
    cluster.watch(every(1, 20))
    view = cluster.view(21, without="i-0")
    faulty = replace(view, stored=replace(view.stored, faults={"i-0": "is not snappy"}))
    assert cluster.watch([21], lambda _: {STORE: faulty}) == []
    assert cluster.standing()["i-0"] is Standing.UNKNOWN


def test_a_period_that_is_not_known_is_learned_from_the_members() -> None:
    """Ingesters with a heartbeat each 15 s, of which the watch has no configuration: it supposes 5 s."""
    cluster = Cluster(six(), period_s=15)
    for number, each in enumerate(cluster.members):
        each.phase_s = number * 2.4
    cluster.members[0].dies_s = 100
    events = cluster.watch(every(1, 180))
    assert kinds(events) == [("heartbeat-stopped", "i-0"), ("unhealthy", "i-0")]
    assert events[0].at_s == T0 + 121
    assert cluster.of("i-1").interval_s == pytest.approx(15, abs=0.1)


def test_without_heartbeats_none_is_missed() -> None:
    cluster = Cluster(six(dies_s=10), told_period_s=0, settings=Settings(heartbeat_timeout_s=0))
    assert cluster.watch(every(1, 300)) == []
    assert set(cluster.standing().values()) == {Standing.FINE}


def test_how_slow_the_store_is_besides() -> None:
    cluster = Cluster(six(dies_s=40), DISTRIBUTOR, backend=Backend.DYNAMODB)
    events = cluster.watch(every(1, 40), took_s={STORE: 0.02})
    events += cluster.watch(every(1, 60, 41), took_s={STORE: 1.5})
    assert kinds(events) == [("view-slow", STORE), ("store-stuck", "distributor")]
    assert events[1].message.endswith("; to read consul://kv:8500 took 1.5 s, usually 0.02 s")
    assert (events[1].evidence["took_s"], events[1].evidence["usually_took_s"]) == (1.5, 0.02)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_told_is_always_a_change(seed: int) -> None:
    """Members, places and rounds at random: nothing stops, is lost or comes back that did so already."""
    chance = Random(seed)
    cluster = Cluster(six(), chance.choice([INGESTER, STORE_GATEWAY]), chance.choice([5, 15]))
    for each in chance.sample(cluster.members, chance.randint(0, 6)):
        each.dies_s = chance.uniform(0, 200)
        each.lives_again_s = chance.choice([each.dies_s + chance.uniform(5, 200), float("inf")])
        each.skew_s = chance.choice([0, 0, -600, 600])
    lost = [chance.uniform(0, 400) for _ in range(2)]

    def see(at_s: float) -> dict[str, CheckedRing | CortexctlError]:
        is_lost = lost[0] < at_s < lost[0] + 60
        copied_s = lost[1] if lost[1] < at_s < lost[1] + 90 else at_s
        store = UnavailableError("down") if is_lost else cluster.view(at_s)
        return {STORE: store, "http://a": cluster.view(copied_s, clock_s=at_s)}

    rounds, at_s = [], 0.0
    while at_s < 600:
        rounds.append(at_s)
        at_s += chance.choice([1, 1, 2, 5, 30])
    now: dict[tuple[str, str], bool] = {}
    for event in cluster.watch(rounds, see):
        change = _CHANGES.get(event.kind)
        if change is not None and event.subject != cluster.component.name:
            what, becomes = change
            assert now.get((what, event.subject), False) is not becomes, event
            now[what, event.subject] = becomes


_CHANGES = {
    EventKind.HEARTBEAT_STOPPED: ("stopped", True),
    EventKind.HEARTBEAT_RESUMED: ("stopped", False),
    EventKind.VIEW_LOST: ("lost", True),
    EventKind.VIEW_BACK: ("lost", False),
    EventKind.VIEW_FROZEN: ("lost", True),
}


def test_the_usual_time_is_that_of_earlier_rounds() -> None:
    place = Place(STORE)
    assert place.usual_took_s is None
    place.took_s.extend([1.0, 3.0])
    assert place.usual_took_s == 1.0


def test_the_same_rounds_tell_the_same() -> None:
    def run() -> list[Event]:
        cluster = Cluster(six())
        cluster.members[1].dies_s, cluster.members[2].skew_s = 20, -300
        return cluster.watch(every(1, 120))

    assert run() == run()
