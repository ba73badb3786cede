"""history.py SEED: writes a scenario of a random life to standard output.

One to four tasks of one to three containers, which run, end, fail or hang as their images say;
tasks that are stopped; people with a docker command; an agent that is restarted or killed; a
control plane and an engine that go away for a while. The seed decides all of it. Nothing is
expected in the scenario itself: judge.py reads the journal.
"""
import json
import os
import random
import sys

STRANGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'stranger.py')
ARN = 'arn:aws:ecs:us-west-2:123456789012:task/demo/%032d'

# What an image is like, and how often it is taken.
IMAGES = [
    ('ok:1', '', 6),
    ('quick:1', 'run-for=2s exit=0', 3),
    ('fail:1', 'run-for=3s exit=9', 2),
    ('long:1', 'run-for=90s exit=0', 3),
    ('deaf:1', 'ignore-term', 1),
    ('slow-to-stop:1', 'stop-delay=4s', 1),
    ('not-there:1', 'pull-error="manifest for not-there:1 not found"', 1),
    ('not-created:1', 'create-error="no such thing"', 1),
    ('not-started:1', 'start-error="OCI runtime create failed: no such file"', 1),
    ('slow-to-pull:1', 'pull=20s', 1),
    ('crashes:1', 'run-for=5s signal=SIGSEGV', 1),
    ('out-of-memory:1', 'run-for=6s oom', 1),
]

FAULTS = [
    'fault   ecs SubmitTaskStateChange status=500 until=20s',
    'fault   ecs SubmitTaskStateChange error=ThrottlingException first=3',
    'fault   ecs SubmitTaskStateChange reset=after first=1',
    'fault   acs connect status=500 first=1\nclose   acs\nadvance 12s',
    'fault   docker POST /containers/create reset=after first=1',
    'fault   docker POST /containers/create delay=20s first=1',
    'fault   docker POST /containers/*/start delay=20s first=1',
    'fault   docker POST /containers/*/start reset=after first=1',
    'fault   docker POST /containers/*/stop status=500 first=1',
    'fault   docker POST /containers/*/stop reset=after first=1',
    'fault   docker POST /images/create cut=200 first=1',
    'fault   docker GET /containers/*/json status=500 first=2',
    'docker  events lose next=3',
    'docker  events swap action=die',
    'docker  events cut action=die',
]

HEAD = """scenario 1
title   A random life: seed {seed}
tags    chaos
limit   4m
answer  docker engine images lifecycle
answer  ecs register progress submit
answer  acs session acks manifest nack
answer  tcs session metrics health status
answer  imds token metadata
"""


class History:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = []
        self.payloads = []
        self.events = []  # (second, lines)

    def container(self, task, number):
        r = self.random
        name = 'c%d%s' % (task, 'abc'[number])
        self.names.append(name)
        made = {
            'name': name,
            'image': r.choices([i[0] for i in IMAGES], [i[2] for i in IMAGES])[0],
            'essential': number == 0 or r.random() < 0.5,
            'cpu': 10,
            'memory': 16,
        }
        if r.random() < 0.3:
            made['stopTimeout'] = r.choice([2, 5, 40])
        if r.random() < 0.15:
            made['restartPolicy'] = {'enabled': True, 'restartAttemptPeriod': 60,
                                     'ignoredExitCodes': r.choice([[], [0]])}
        if number and r.random() < 0.5:
            made['dependsOn'] = [{
                'containerName': 'c%d%s' % (task, 'abc'[r.randrange(number)]),
                'condition': r.choice(['START', 'COMPLETE', 'SUCCESS']),
            }]
        return made

    def send(self, second, task):
        name = 'payload-%d.json' % (len(self.payloads) + 1)
        self.payloads.append((name, {'seqNum': len(self.payloads) + 1, 'tasks': [task]}))
        self.events.append((second, ['send    acs PayloadMessage @' + name]))

    def tasks(self):
        r = self.random
        for t in range(r.randint(1, 4)):
            task = {
                'arn': ARN % (t + 1),
                'family': 'f%d' % t,
                'version': '1',
                'desiredStatus': 'RUNNING',
                'containers': [self.container(t, k) for k in range(r.randint(1, 3))],
            }
            sent = r.choice([0, 0, 0, 5, 12])
            self.send(sent, task)
            if r.random() < 0.6:
                self.send(sent + r.choice([1, 3, 8, 15, 25, 60, 100]),
                          dict(task, desiredStatus='STOPPED'))

    def stranger(self, what, name):
        return ['run     %s -I %s ${docker.socket} %s %s' % (sys.executable, STRANGER, what, name)]

    def stranger_comes(self, second):
        what = self.random.choice(['kill', 'term', 'stop', 'restart', 'start', 'pause', 'remove'])
        name = self.random.choice(self.names)
        self.events.append((second, self.stranger(what, name)))
        if what == 'pause':
            self.events.append((second + self.random.choice([1, 20]),
                                self.stranger('unpause', name)))

    def outage(self, second):
        self.events.append((second, ['docker  down']))
        self.events.append((second + self.random.choice([3, 15]), ['docker  up']))

    def trouble(self):
        r = self.random
        # an agent that starts while the engine is away has nothing to live on
        restarts = r.random() < 0.5
        outages = 0 if restarts else 1
        for _ in range(r.randint(0, 6)):
            second, kind = r.choice([1, 2, 4, 7, 11, 16, 22, 30, 45, 70]), r.random()
            if kind < 0.45:
                self.stranger_comes(second)
            elif kind < 0.65 and restarts:
                self.events.append((second, r.choice([
                    ['restart agent  within 40s', 'advance 3s'],
                    ['kill    agent', 'start   agent', 'advance 3s']])))
            elif kind < 0.65 and outages:
                outages = 0
                self.outage(second)
            elif kind < 0.72:
                self.events.append((second, ['close   acs', 'advance 3s']))
            else:
                self.events.append((second, [r.choice(FAULTS)]))

    def write(self, seed, out):
        self.tasks()
        self.trouble()
        out.write(HEAD.format(seed=seed))
        for name, options, _ in IMAGES:
            out.write('image   %s %s\n' % (name, options))
        out.write('start   agent\nexpect  ecs RegisterContainerInstance  within 30s\n'
                  'expect  acs connect  within 30s\n')
        now = 0
        for second, lines in sorted(self.events, key=lambda e: e[0]):
            if second > now:
                out.write('advance %ds\n' % (second - now))
                now = second
            out.write('\n'.join(lines) + '\n')
        # all that an agent still has to find, to try again or to tell, it has done by then
        out.write('advance 16m\nrun     curl -s --unix-socket ${docker.socket} '
                  'http://docker/containers/json?all=1\n')
        for name, body in self.payloads:
            out.write('\n-- %s --\n%s\n' % (name, json.dumps(body, indent=2)))


seed = int(sys.argv[1])
History(seed).write(seed, sys.stdout)
