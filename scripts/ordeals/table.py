"""Every scene: its name, what it tries, and the function that plays it."""

from __future__ import annotations

from typing import Final

from scripts.ordeals import floods, kills, lifetimes, outages, outages_http, races, trickles, volley_races
from scripts.ordeals.scene import Scene

__all__ = ["SCENES"]

SCENES: Final = (
    Scene("race-shared-spawn", "shared:, processes that were spawned, many threads each", races.shared_spawned),
    Scene("race-shared-fork", "shared:, processes that were forked and then opened it", races.shared_forked),
    Scene("race-shared-preload", "shared:, opened once and inherited over fork", races.shared_preloaded),
    Scene("race-valkey-threads", "a Valkey server, by threads", races.valkey_threads),
    Scene("race-valkey-tasks", "a Valkey server, by tasks of event loops", races.valkey_tasks),
    Scene("race-luck", "the race catches a store that is atomic only by luck", races.atomic_by_luck),
    Scene(
        "http-gunicorn-sync", "real proofs against gunicorn --preload, sync", volley_races.raced_over("gunicorn-sync")
    ),
    Scene("http-gunicorn-gthread", "the same, threads", volley_races.raced_over("gunicorn-gthread")),
    Scene("http-uvicorn", "the same against uvicorn", volley_races.raced_over("uvicorn")),
    Scene("http-granian", "the same against granian", volley_races.raced_over("granian")),
    Scene(
        "http-valkey-uvicorn",
        "uvicorn with a Valkey server",
        volley_races.raced_over("uvicorn", on_valkey=True),
        quick=False,
    ),
    Scene("http-valkey-gunicorn", "gunicorn the same", volley_races.raced_over("gunicorn-gthread", on_valkey=True)),
    Scene("kills-gunicorn", "workers killed, server restarted, store deleted", kills.killed("gunicorn-gthread")),
    Scene("kills-uvicorn", "the same under uvicorn", kills.killed("uvicorn"), quick=False),
    Scene("life-trickle", "bodies that come in until after the proof is forgotten", lifetimes.trickled),
    Scene("life-ahead", "a proof from 15 s ahead, at every second of its life", lifetimes.presented_every_second),
    Scene("trickle-uvicorn", "the same two over HTTP, in real time", trickles.slowly("uvicorn"), quick=False),
    Scene("trickle-gunicorn", "the same under gunicorn", trickles.slowly("gunicorn-gthread"), quick=False),
    Scene("flood-shared", "a million claims of one machine within half a minute", floods.flooded("shared:")),
    Scene("flood-memory", "the same in the memory of one process", floods.flooded("memory:"), quick=False),
    Scene("flood-hours", "a million claims at the rate that its quota allows", floods.flooded_for_hours),
    Scene(
        "outage-threads", "Valkey stops, hangs, comes back empty, evicts: claims of a thread", outages.away(tasks=False)
    ),
    Scene("outage-tasks", "the same by tasks of an event loop", outages.away(tasks=True)),
    Scene("outage-uvicorn", "the same as callers of uvicorn meet it", outages_http.away_from("uvicorn")),
    Scene(
        "outage-host",
        "the same where this host stands in",
        outages_http.away_from("uvicorn", falls_back=True),
        quick=False,
    ),
    Scene("outage-gunicorn", "the same under gunicorn", outages_http.away_from("gunicorn-gthread"), quick=False),
)
