"""Every scene: its name, what it tries, and the function that plays it."""

from __future__ import annotations

from typing import Final

from scripts.ordeals import floods, kills, lifetimes, races, trickles, volley_races
from scripts.ordeals.scene import Scene

__all__ = ["SCENES"]

SCENES: Final = (
    Scene("race-shared-spawn", "shared:, processes that were spawned, many threads each", races.shared_spawned),
    Scene("race-shared-fork", "shared:, processes that were forked and then opened it", races.shared_forked),
    Scene("race-shared-preload", "shared:, opened once and inherited over fork", races.shared_preloaded),
    Scene("race-luck", "the race catches a store that is atomic only by luck", races.atomic_by_luck),
    Scene(
        "http-gunicorn-sync", "real proofs against gunicorn --preload, sync", volley_races.raced_over("gunicorn-sync")
    ),
    Scene("http-gunicorn-gthread", "the same, threads", volley_races.raced_over("gunicorn-gthread")),
    Scene("http-uvicorn", "the same against uvicorn", volley_races.raced_over("uvicorn")),
    Scene("http-granian", "the same against granian", volley_races.raced_over("granian")),
    Scene("kills-gunicorn", "workers killed, server restarted, store deleted", kills.killed("gunicorn-gthread")),
    Scene("kills-uvicorn", "the same under uvicorn", kills.killed("uvicorn"), quick=False),
    Scene("life-trickle", "bodies that come in until after the proof is forgotten", lifetimes.trickled),
    Scene("life-ahead", "a proof from 15 s ahead, at every second of its life", lifetimes.presented_every_second),
    Scene("trickle-uvicorn", "the same two over HTTP, in real time", trickles.slowly("uvicorn"), quick=False),
    Scene("trickle-gunicorn", "the same under gunicorn", trickles.slowly("gunicorn-gthread"), quick=False),
    Scene("flood-shared", "a million claims of one machine within seconds", floods.flooded("shared:")),
    Scene("flood-memory", "the same in the memory of one process", floods.flooded("memory:")),
    Scene("flood-hours", "a million claims at the rate that its quota allows", floods.flooded_for_hours),
)
