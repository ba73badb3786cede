"""judge.py JOURNAL: what must hold however a life went; prints a line for each rule that is broken.

- a task that was told STOPPED is told nothing else afterwards;
- a container is created once;
- of a task that is STOPPED nothing runs at the end;
- a task that was to stop, or of which an essential container has ended, is STOPPED at the end;
- an exit code that was told is the one Docker has, unless somebody started the container again.
"""
import json
import re
import sys


class Life:
    def __init__(self, path):
        self.told = {}      # task: the statuses that were taken, in order
        self.codes = {}     # container: exit code
        self.created = {}   # container: how often
        self.wanted = {}    # task: desiredStatus, as sent last
        self.owner = {}     # container: (task, essential)
        self.touched = set()  # containers that a stranger started
        self.end = None     # the engine's list at the end
        asked = {}
        with open(path) as journal:
            for line in journal:
                record = json.loads(line)
                if record['kind'] == 'request':
                    asked[record['n']] = record
                getattr(self, 'on_' + record['kind'].replace('-', '_'), self.ignore)(record, asked)

    def ignore(self, record, asked):
        pass

    def on_answer(self, record, asked):
        request = asked.get(record.get('request'))
        if not request or not isinstance(request.get('body'), dict):
            return
        body = request['body']
        if request['what'] == 'SubmitTaskStateChange' and record['status'] == 200:
            if body.get('status'):
                self.told.setdefault(body['task'], []).append(body['status'])
            for container in body.get('containers', []):
                if 'exitCode' in container:
                    self.codes[container['containerName']] = container['exitCode']
        elif request['what'] == 'POST /containers/create' and record['status'] == 201:
            name = body['Labels']['com.amazonaws.ecs.container-name']
            self.created[name] = self.created.get(name, 0) + 1

    def on_frame_out(self, record, asked):
        if record['what'] != 'PayloadMessage':
            return
        for task in record['body']['tasks']:
            self.wanted[task['arn']] = task['desiredStatus']
            for container in task['containers']:
                self.owner[container['name']] = (task['arn'], container['essential'])

    def on_step(self, record, asked):
        argv = record.get('argv')
        if record['what'] != 'run' or not argv:
            return
        if argv[0] == 'curl':
            out = record['stdout']
            self.end = json.loads(out) if isinstance(out, str) else out
        elif argv[-2] in ('restart', 'start'):
            self.touched.add(argv[-1])

    def broken(self):
        if self.end is None:
            yield 'the life did not come to its end'
            return
        for task, told in self.told.items():
            if 'STOPPED' in told and set(told[told.index('STOPPED'):]) != {'STOPPED'}:
                yield '%s was told %s' % (task, ', '.join(told))
        for name, times in self.created.items():
            if times > 1:
                yield '%s was created %d times' % (name, times)
        for task, wanted in self.wanted.items():
            if wanted == 'STOPPED' and 'STOPPED' not in self.told.get(task, []):
                yield '%s was to stop, and is not told STOPPED' % task
        for container in self.end:
            yield from self.broken_container(container)

    def broken_container(self, container):
        name = container['Labels']['com.amazonaws.ecs.container-name']
        task, essential = self.owner[name]
        stopped = 'STOPPED' in self.told.get(task, [])
        code = re.match(r'Exited \((\d+)\)', container['Status'])
        if stopped and container['State'] == 'running':
            yield '%s runs, and its task is STOPPED' % name
        if not stopped and essential and container['State'] == 'exited':
            yield '%s has ended, and its task is not told STOPPED' % name
        if code and name in self.codes and name not in self.touched \
                and int(code.group(1)) != self.codes[name]:
            yield '%s ended with %s, and %d was told' % (name, code.group(1), self.codes[name])


for line in Life(sys.argv[1]).broken():
    print(line)
