"""stranger.py SOCKET WHAT NAME: does to ECS's container of that name what people do by hand.

WHAT: kill, term, stop, restart, start, pause, unpause, remove. Nothing is done, and nothing is
wrong, when there is no such container or the engine is away: that too is what happens to people.
HTTP/1.0 by hand: http.client takes longer to load than the whole rest takes.
"""
import json
import socket
import sys

CALLS = {
    'kill': ('POST', '/kill?signal=9'),
    'term': ('POST', '/kill?signal=15'),
    'stop': ('POST', '/stop?t=1'),
    'restart': ('POST', '/restart?t=1'),
    'start': ('POST', '/start'),
    'pause': ('POST', '/pause'),
    'unpause': ('POST', '/unpause'),
    'remove': ('DELETE', '?force=1'),
}
LIMIT = 1  # seconds of real time: a call that takes longer goes on without us


def ask(path, method, target):
    """The body of the answer; empty when there is none, or it is an error."""
    answer = b''
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(path)
            s.sendall(('%s %s HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n'
                       % (method, target)).encode())
            while chunk := s.recv(1 << 16):
                answer += chunk
    except OSError:
        return b''
    head, _, body = answer.partition(b'\r\n\r\n')
    return body if head.split(b' ')[1:2] == [b'200'] else b''


def main():
    path, what, name = sys.argv[1:]
    for container in json.loads(ask(path, 'GET', '/containers/json?all=1') or '[]'):
        if container['Labels'].get('com.amazonaws.ecs.container-name') == name:
            method, tail = CALLS[what]
            ask(path, method, '/containers/' + container['Id'] + tail)


main()
