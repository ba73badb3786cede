#!/usr/bin/python3
"""Many agents on one control plane.

    agents.py AGENTS SECONDS EVERY JOURNAL FOLDER COMMAND...

Starts so many agents, each with a folder of its own, waits until each has an ACS session, and
reads in the journal of `ecsim serve` for so many seconds when heartbeats were sent and answered.
Prints: how long it took until all were connected, heartbeats that were answered a second, the
longest time of one above EVERY seconds since the one before it, and the longest time until an
answer (both in milliseconds), and the private memory of all agents in MiB.
"""
import json
import os
import signal
import subprocess
import sys
import time

LIMIT = 300  # seconds until all are connected


def follow(journal, until):
    """Records as they are written; None now and then, so that the clock is looked at."""
    rest = ""
    while time.monotonic() < until:
        rest += journal.read(1 << 20)
        lines = rest.split("\n")
        rest = lines.pop()
        for line in lines:
            yield json.loads(line)
        if not lines:
            yield None
            time.sleep(0.02)  # the file says not when it grows


def spawn(command, folder, n):
    agents = []
    for i in range(n):
        data = "%s/%d" % (folder, i)
        os.makedirs(data)
        env = dict(os.environ, ECS_DATADIR=data, ECSIM_INTROSPECTION="unix:" + data + "/introspection",
                   ECSIM_TASK_METADATA="unix:" + data + "/task", ECS_LOGLEVEL="error")
        agents.append(subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return agents


def await_sessions(journal, n):
    begun, connected = time.monotonic(), set()
    for r in follow(journal, begun + LIMIT):
        if r and r["peer"] == "acs" and r["kind"] == "connect":
            connected.add(r["conn"])
        if len(connected) == n:
            return time.monotonic() - begun
    sys.exit("agents: %d of %d were connected after %d s" % (len(connected), n, LIMIT))


def measure(journal, seconds, every):
    sent, asked, answered, late, slow = {}, {}, 0, 0.0, 0.0
    for r in follow(journal, time.monotonic() + seconds):
        if not r or r["peer"] != "acs":
            continue
        if r["what"] == "HeartbeatMessage":
            if r["conn"] in sent:
                late = max(late, r["t"] - sent[r["conn"]] - every)
            sent[r["conn"]] = r["t"]
            asked[r["body"]["messageId"]] = r["t"]
        elif r["what"] == "HeartbeatAckRequest":
            t = asked.pop(r["body"]["messageId"], None)
            if t is not None:
                answered += 1
                slow = max(slow, r["t"] - t)
    return answered / seconds, late * 1000, slow * 1000


def private(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private"))


def main():
    n, seconds, every = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    journal = open(sys.argv[4])
    agents = spawn(sys.argv[6:], sys.argv[5], n)
    try:
        took = await_sessions(journal, n)
        beats = measure(journal, seconds, every)
        memory = sum(private(a.pid) for a in agents) / 1024
    finally:
        for a in agents:
            a.send_signal(signal.SIGKILL)
        for a in agents:
            a.wait()
    print("%.1f %.0f %.1f %.1f %.0f" % ((took,) + beats + (memory,)))


main()
