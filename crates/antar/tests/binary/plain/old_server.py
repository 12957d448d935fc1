"""An imitation of the existing Python chat servers, as far as their manners on the wire matter.

Usage: old_server.py PORT USER...   Every password is `pw`; PORT 0 takes a free one.

It says on which port it listens, then obeys lines on standard input, each answered with one line:

    drop VERB     the next request of this verb is done, and its answer is not sent
    say VERB TEXT the next request of this verb is not done, and answered with this error
    forget R      realm R is not known any more
    plainly       lists messages under the names of users from now on, as some do
    down, up      does not listen; listens again
    report        what has happened, as JSON
"""

import collections
import json
import socket
import sys
import threading
import uuid

users = {}
sessions = {}
groups = {}
realms = {}
contacts = {}

dropped = collections.Counter()
errors = {}
seen = []
kept = []
broken = {"spins": 0, "split": 0, "confused": 0}

# What people are called, in lists; the keys of `users` are what they log in with.
called = {"messi": "Lionel Messi", "henderson": "Jordan Henderson", "lineker": "Gary Lineker"}
own = []


def ok(**fields):
    return dict(status="OK", **fields)


def error(text):
    return {"status": "ERROR", "message": text}


class Channel:
    """The connection to another realm, and what waits for its users."""

    def __init__(self, host, port):
        self.chat = {}
        self.group = {}
        self.lock = threading.Lock()
        self.sock = socket.create_connection((host, port))

    def sendstring(self, string):
        with self.lock:
            try:
                self.sock.sendall(string.encode())
                received = ""
                while True:
                    data = self.sock.recv(32)
                    if not data:
                        # The original goes on asking for ever.
                        broken["spins"] += 1
                        return error("Gagal")
                    received += data.decode()
                    if received[-4:] == "\r\n\r\n":
                        return json.loads(received)
            except (ValueError, OSError) as e:
                broken["confused"] += isinstance(e, ValueError)
                self.sock.close()
                return error("Gagal")


def message(sender, to, words, at=None):
    # What the original makes of the words: a blank before each; and of the sender: a name for
    # people, with the address of the realm behind it.
    if called:
        host, port = at or own
        sender = f"{called.get(sender, sender)}({host}:{port})"
    to = called.get(to, to)
    return {"msg_from": sender, "msg_to": to, "msg": "".join(" " + word for word in words)}


def session(token):
    if token not in sessions:
        raise LookupError("Session tidak ditemukan")
    return sessions[token]


def channel(realm):
    if realm not in realms:
        raise LookupError("Realm belum ada")
    return realms[realm]


def known_group(name, member=None):
    if name not in groups:
        raise LookupError("Group belum ada")
    if member is not None and member not in groups[name]:
        raise LookupError("Bukan member group")
    return name


def local(command, j):
    if command == "auth":
        if j[1] not in users:
            return error("User Tidak Ada")
        token = str(uuid.uuid4())
        sessions[token] = j[1]
        return ok(tokenid=token)
    if command == "send":
        sender = session(j[1])
        users[j[2]].insert(0, message(sender, j[2], j[3:]))
        return ok(message="Message Sent")
    if command == "inbox":
        return ok(messages=users[session(j[1])])
    if command == "addgroup":
        groups[j[2]] = [session(j[1])]
        return ok(message="Add group Berhasil")
    if command == "joingroup":
        groups[known_group(j[2])].append(session(j[1]))
        return ok(message="Join group berhasil")
    if command == "checkrealm":
        return ok(message=contacts)
    return error("**Protocol Tidak Benar")


def between(command, j):
    if command == "addrealm":
        realm, host, port, own, own_port = j[1], j[2], int(j[3]), j[4], j[5].strip()
        if realm in realms:
            return error("Realm sudah ada")
        realms[realm] = Channel(host, port)
        contacts[realm] = {"serverip": host, "port": port}
        result = realms[realm].sendstring(f"ackrealm {realm} {host} {port} {own} {own_port}\r\n")
        if result["status"] != "OK":
            del realms[realm]
            return error("Realm Unreachable")
        return ok(message="Connect realm berhasil")
    if command == "ackrealm":
        realm, host, port = j[1], j[4], int(j[5].strip())
        # It dials back before it answers, and forgets what waited on the link.
        realms[realm] = Channel(host, port)
        contacts[realm] = {"serverip": host, "port": port}
        return ok(message="Connect realm berhasil")
    if command == "sendrealm":
        sender, realm, to = session(j[1]), channel(j[2]), j[3]
        realm.chat.setdefault(to, []).insert(0, message(sender, to, j[4:]))
        return ok(message="Pesan realm dikirim")
    if command == "inboxrealm":
        user, name = session(j[1]), j[2].strip()
        return channel(name).sendstring(f"remoteinboxrealm {user} {name}\r\n")
    if command == "remoteinboxrealm":
        user, realm = j[1], channel(j[2].strip())
        users[user]  # Who is not known here ends the thread.
        if user not in realm.chat:
            return error("Informasi tidak ditemukan")
        return ok(messages=realm.chat[user])
    return in_groups(command, j)


def in_groups(command, j):
    if command == "sendgrouprealm":
        user, name, group = session(j[1]), j[2], j[3].strip()
        realm = channel(name)
        known_group(group, user)
        said = message(user, group, j[4:])
        realm.group.setdefault(group, []).insert(0, said)
        # An empty line follows.
        text = said["msg"].rstrip("\r\n")
        result = realm.sendstring(f"recvgrouprealm {name} {user} {group} {text}\r\n")
        realm.sock.sendall(b"\r\n")
        return ok(message="Pesan realm dikirim") if result["status"] == "OK" else result
    if command == "recvgrouprealm":
        realm, user, group = channel(j[1]), j[2], known_group(j[3])
        at = contacts[j[1]]["serverip"], contacts[j[1]]["port"]
        realm.group.setdefault(group, []).insert(0, message(user, group, j[4:], at))
        return ok(message="Pesan grup realm terkirim")
    if command == "inboxgrouprealm":
        user, name, group = session(j[1]), j[2], j[3].strip()
        known_group(group, user)
        return channel(name).sendstring(f"remoteinboxgrouprealm {group} {name}\r\n")
    if command == "remoteinboxgrouprealm":
        group, realm = j[1], channel(j[2].strip())
        known_group(group)
        if group not in realm.group:
            return error("Informasi tidak ditemukan")
        return ok(messages=realm.group[group])
    return None


def process(line):
    j = line.split(" ")
    command = j[0].strip()
    seen.append(line.rstrip("\r\n"))
    if command in errors:
        return error(errors.pop(command))
    try:
        result = between(command, j)
        return local(command, [w.strip() for w in j]) if result is None else result
    except IndexError:
        return error("**Protocol Tidak Benar")
    except OSError:
        return error("Realm Unreachable")
    except KeyError:
        raise
    except LookupError as e:
        return error(str(e))


def serve(connection):
    received = ""
    while True:
        try:
            data = connection.recv(32)
            if not data:
                break
            received += data.decode()
        except UnicodeDecodeError:
            # The thread ends; the connection stays open, and nobody reads it.
            broken["split"] += not data.startswith(b"\x16")
            kept.append(connection)
            return
        except OSError:
            break
        if received[-2:] == "\r\n":
            verb = received.split(" ")[0].strip()
            try:
                result = process(received)
            except KeyError:
                kept.append(connection)
                return
            received = ""
            if dropped[verb]:
                dropped[verb] -= 1
                kept.append(connection)
                return
            try:
                connection.sendall((json.dumps(result) + "\r\n\r\n").encode())
            except OSError:
                break
    connection.close()


class Listener:
    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(64)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def obey(words, listener, port):
    if words[0] == "drop":
        dropped[words[1]] += 1
    elif words[0] == "say":
        errors[words[1]] = " ".join(words[2:])
    elif words[0] == "forget":
        realms.pop(words[1], None)
    elif words[0] == "plainly":
        called.clear()
    elif words[0] == "down":
        listener.close()
    elif words[0] == "up":
        listener = Listener(port)
    print(json.dumps({"seen": seen, "broken": broken}), flush=True)
    return listener


def main():
    users.update((name, []) for name in sys.argv[2:])
    listener = Listener(int(sys.argv[1]))
    own.extend(listener.sock.getsockname())
    port = own[1]
    print(port, flush=True)
    for line in sys.stdin:
        listener = obey(line.split(), listener, port)


main()
