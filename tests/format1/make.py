"""Makes this directory's files with a binary of the first format: see README.

Usage: make.py ANTAR [OUT]   The binary must write format 1; OUT is this directory unless given.
"""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ANTAR = os.path.abspath(sys.argv[1])
OUT = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else HERE
WORK = tempfile.mkdtemp(prefix="format1-")

# Everybody has an address of their own that no other program listens on, so that a copy of the data
# that is opened later calls nobody.
NET = "127.88.0."


class Conn:
    def __init__(self, at):
        if isinstance(at, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(at)
        else:
            self.sock = socket.create_connection(at)
        self.sock.settimeout(30)
        self.file = self.sock.makefile("rb")

    def say(self, *lines):
        self.sock.sendall(b"".join(line.encode() + b"\n" for line in lines))

    def raw(self):
        line = self.file.readline()
        assert self.file.readline() == b"\r\n", line
        return line.rstrip(b"\r\n")

    def ask(self, line):
        self.say(line)
        return json.loads(self.raw())

    def ok(self, line):
        reply = self.ask(line)
        assert reply["status"] == "OK", (line, reply)
        return reply

    def all(self, lines, window=48):
        """Sends many at once, so that a batch takes many of them."""
        for at in range(0, len(lines), window):
            some = lines[at : at + window]
            self.say(*some)
            for line in some:
                reply = json.loads(self.raw())
                assert reply["status"] == "OK", (line, reply)


STARTED = []


class Realm:
    def __init__(self, name, number, top="", limits="", data=None):
        self.name, self.at = name, (NET + str(number), 1300 + number)
        self.directory = os.path.join(WORK, name + "-" + str(number))
        os.makedirs(self.directory)
        self.data = data or os.path.join(self.directory, "data")
        self.process = None
        self.configure(top, limits)

    def configure(self, top="", limits="", tells=None):
        tells = tells or "%s:%d" % self.at
        self.config = os.path.join(self.directory, "antar.toml")
        self.top, self.limits = top, limits
        with open(self.config, "w") as file:
            file.write(f'advertise = "{tells}"\n{top}\nlog = "info"\n[passwords]\nmemory_kib = 8\niterations = 1\n[limits]\n{limits}\n')

    def start(self, port=None):
        if port:
            self.at = (self.at[0], port)
            self.configure(self.top, self.limits)
        log = open(os.path.join(self.directory, "log"), "ab")
        command = [ANTAR, "serve", "--config", self.config, "--data", self.data]
        command += ["--name", self.name] if self.name else []
        command += ["--listen", "%s:%d" % self.at]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        STARTED.append(self.process)
        line = self.process.stdout.readline()
        assert line, open(log.name).read()
        return self

    def cli(self, *arguments, text=""):
        command = [ANTAR, arguments[0], "--config", self.config, "--data", self.data, *arguments[1:]]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert done.returncode == 0, (command, done)
        return done.stdout

    def operator(self):
        return Conn(os.path.join(self.data, "antar.sock"))

    def conn(self, name=None, password="pw"):
        conn = Conn(self.at)
        if name:
            conn.token = conn.ok(f"AUTH {name} {password}")["data"]
        return conn

    def user(self, name, password="pw"):
        conn = Conn(self.at)
        conn.token = conn.ok(f"REGISTER {name} {password}")["data"]
        return conn

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def links(self):
        return {link["realm"]: link for link in self.operator().ok("CHECKREALM")["data"]}

    def until(self, name, fits):
        deadline = time.time() + 60
        while True:
            link = self.links().get(name)
            if link and fits(link):
                return link
            assert time.time() < deadline, (name, self.links())
            time.sleep(0.02)

    def until_done(self, name):
        return self.until(name, lambda link: link["state"] == "up" and link["owed"] == 0)


def link(one, other, *words):
    one.operator().ok(" ".join(["ADDREALM", other.name, other.at[0], str(other.at[1]), *words]))


def plain_server(number):
    """The imitation of an old server, at an address of its own."""
    source = os.path.join(HERE, "../../crates/antar/tests/binary/plain/old_server.py")
    at = repr(NET + str(number))
    text = open(source).read().replace('"127.0.0.1"', at)
    text = text.replace("create_connection((host, port))", f"create_connection((host, port), source_address=({at}, 0))")
    script = os.path.join(WORK, "old_server.py")
    open(script, "w").write(text)
    command = [sys.executable, "-B", script, str(1300 + number), "messi", "lineker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    STARTED.append(process)
    assert process.stdout.readline()
    return process


# Texts of every kind that a message may have.
TEXTS = [
    "plain words",
    "two  blanks, a\ttab",
    "é ж 漢 🦀 di sini",
    "one line\u2028and another",
    "\u202e right to left \u202c",
    '"quotes" and \\ and {"json":[1]}',
    "~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "after=1 limit=2",
    "é" * 700,
]


def users_and_groups(alpha):
    """Accounts, sessions and groups that come and go."""
    alpha.cli("user", "add", "root", "--admin", text="pw\n")
    alpha.start()
    people = {name: alpha.user(name) for name in ["amy", "Bob", "carol", "dave", "erin", "frank", "gus"]}
    people["root"] = alpha.conn("root")
    # Sessions: one that ended, ones that a changed password ended, and one that lasts.
    alpha.conn("amy").ok("LOGOUT")
    alpha.conn("frank")
    people["frank"].ok("PASSWD pw another one")
    amy, bob, carol = people["amy"], people["Bob"], people["carol"]
    amy.ok("ADDGROUP Staff open sesame")
    bob.ok("JOINGROUP staff open sesame")
    carol.ok("JOINGROUP staff open sesame")
    for text in TEXTS:
        amy.ok(f"SENDGROUP staff {text}")
    amy.ok("LEAVEGROUP staff")
    carol.ok("ADDGROUP empty pw")
    carol.ok("SENDGROUP empty nobody is here to read this")
    carol.ok("LEAVEGROUP empty")
    people["dave"].ok("ADDGROUP daves pw")
    amy.ok("JOINGROUP daves pw")
    people["dave"].ok("SENDGROUP daves of one who goes")
    bob.ok("ADDGROUP room pw")
    for name in ["amy", "carol", "erin", "frank", "gus"]:
        people[name].ok("JOINGROUP room pw")
    people["gus"].ok("LEAVEGROUP room")
    people["gus"].ok("JOINGROUP room pw")
    bob.all([f"SENDGROUP room {n} to all in the room" for n in range(70)])
    return people


def private_messages(people):
    amy, bob = people["amy"], people["Bob"]
    for text in TEXTS:
        amy.ok(f"SEND bob {text}")
        bob.ok(f"send AMY {text}")
    amy.all([f"SEND bob {n} of many" for n in range(135)], window=135)
    bob.all([f"SEND amy back {n}" for n in range(30)], window=7)
    amy.ok("SEND amy a note to myself")
    people["dave"].ok("SEND amy from dave, who goes")
    amy.ok("SEND dave to dave, who goes")
    people["erin"].ok("SEND amy from the first erin")
    amy.ok("SEND erin to the first erin")
    people["frank"].ok("SEND amy hi")


def exchange(here, there, user, texts, back):
    """Private and group messages both ways, and to nobody."""
    mine, theirs = here.conn("amy"), there.conn(user)
    for n, text in enumerate(texts):
        mine.ok(f"SENDREALM {there.name} {user} {text}")
        mine.ok(f"SENDGROUPREALM {there.name} room {text}")
        theirs.ok(f"SENDREALM {here.name} amy {text}")
        theirs.ok(f"SENDGROUPREALM {here.name} room {text}")
    mine.all([f"SENDREALM {there.name} {user} {n} of many" for n in range(back)], window=200)
    theirs.all([f"SENDREALM {here.name} amy {n} of many back" for n in range(back)], window=200)
    mine.ok(f"SENDREALM {there.name} nobody to nobody there")
    mine.ok("ADDGROUP only" + there.name + " pw")
    mine.ok(f"SENDGROUPREALM {there.name} only{there.name} a group that is not there")
    theirs.ok(f"SENDREALM {here.name} nobody to nobody here")
    theirs.ok("ADDGROUP only" + here.name + " pw")
    theirs.ok(f"SENDGROUPREALM {here.name} only{here.name} a group that is not here")
    here.until_done(there.name)
    there.until_done(here.name)


def peer(name, number, top="", limits=""):
    """A realm with two users and the group that all have."""
    realm = Realm(name, number, top, limits).start()
    realm.user("bob").ok("ADDGROUP room pw")
    realm.user("zoe").ok("JOINGROUP room pw")
    return realm


def ended_links(alpha, people):
    """Realms that are linked no more, or not yet."""
    amy = people["amy"]
    # Another realm has the name of one that was linked.
    gamma = peer("gamma", 3)
    link(alpha, gamma)
    exchange(alpha, gamma, "bob", TEXTS[:3], 3)
    gamma.operator().ok("REMOVEREALM alpha")
    alpha.until("gamma", lambda link: link["state"] == "removed")
    alpha.operator().ok("REMOVEREALM gamma")
    gamma.stop()
    gamma = peer("gamma", 4)
    link(alpha, gamma)
    amy.ok("SENDREALM gamma bob to the second gamma")
    alpha.until_done("gamma")
    gamma.stop()
    # What one was owed was dropped, and who wrote it was told.
    delta = peer("delta", 5)
    link(alpha, delta)
    amy.ok("SENDREALM delta bob arrives")
    alpha.until_done("delta")
    delta.kill()
    amy.ok("SENDREALM delta bob does not arrive")
    amy.ok("SENDGROUPREALM delta room nor this")
    alpha.operator().ok("REMOVEREALM delta force")
    deadline = time.time() + 30
    while len(amy.ok("INBOXREALM delta")["data"]) < 2:
        assert time.time() < deadline
    # One that ended the link itself.
    iota = peer("iota", 6)
    link(alpha, iota)
    amy.ok("SENDREALM iota bob before the end")
    alpha.until_done("iota")
    iota.operator().ok("REMOVEREALM alpha")
    alpha.until("iota", lambda link: link["state"] == "removed")
    iota.stop()
    # One that waits for approval here, and one where this one waits.
    zeta = peer("zeta", 7)
    link(zeta, alpha)
    alpha.until("zeta", lambda link: link["state"] == "waiting")
    zeta.stop()
    theta = peer("theta", 8, 'inbound = "approve"')
    link(alpha, theta)
    amy.ok("SENDREALM theta bob once it is approved")
    alpha.until("theta", lambda link: link["state"] == "waiting")
    theta.stop()


def plain_link(alpha, people):
    """A server that knows only the two documents."""
    amy = people["amy"]
    old = plain_server(9)
    amy.ok(f"ADDREALM lama {NET}9 1309 plain")
    amy.ok("SENDREALM lama messi waits until it is asked for")
    amy.ok("SENDREALM lama lineker é, waits too")
    lineker = Conn((NET + "9", 1309))
    def there(line):
        lineker.sock.sendall(line.encode() + b"\r\n")
        reply = json.loads(lineker.raw())
        assert reply["status"] == "OK", (line, reply)
        return reply
    token = there("auth lineker pw")["tokenid"]
    there(f"addgroup {token} room pw")
    there(f"sendgrouprealm {token} lama room said there")
    there(f"sendrealm {token} lama amy waits there for amy")
    amy.ok("SENDGROUPREALM lama room said here")
    amy.ok("SENDGROUPREALM lama daves is refused there")
    deadline = time.time() + 30
    while not any(m.get("notice") for m in amy.ok("INBOXREALM lama")["data"]):
        assert time.time() < deadline, amy.ok("INBOXREALM lama")
    old.kill()
    old.wait()
    amy.ok("SENDREALM lama messi sent while it is down")
    amy.ok("SENDGROUPREALM lama room owed while it is down")


def main():
    alpha = Realm("alpha", 1, f'inbound = "approve"\nplain_peers = ["{NET}9"]', "link_grace_days = 0")
    people = users_and_groups(alpha)
    private_messages(people)
    beta = peer("beta", 2)
    link(alpha, beta)
    exchange(alpha, beta, "bob", TEXTS, 70)
    # What beta has is let go of here once the grace is over; from then on there is one.
    time.sleep(3)
    # A clean stop: all of it is in tables.
    alpha.stop()
    alpha.configure(f'inbound = "approve"\nplain_peers = ["{NET}9"]')
    alpha.start()
    people = {name: alpha.conn(name, "another one" if name == "frank" else "pw") for name in people}
    alpha.until_done("beta")
    # Names that change hands while messages are on their way.
    root = people["root"]
    beta.stop()
    people["erin"].ok("SENDREALM beta bob from the first erin")
    people["erin"].ok("SENDREALM beta nobody from the first erin to nobody")
    root.ok("REMOVEUSER dave")
    root.ok("REMOVEUSER erin")
    root.ok("ADDUSER erin user pw")
    people["erin"] = alpha.conn("erin")
    people["erin"].ok("SENDREALM beta bob from the second erin")
    root.ok("SETPASSWORD gus pw")
    people["gus"] = alpha.conn("gus")
    beta.start()
    alpha.until_done("beta")
    beta.until_done("alpha")
    ended_links(alpha, people)
    plain_link(alpha, people)
    # Beta is put back from a backup: its log has another epoch, and some of it is followed anew.
    amy, bob = people["amy"], beta.conn("bob")
    saved = os.path.join(WORK, "beta-saved")
    beta.cli("backup", saved)
    bob.ok("SENDREALM alpha amy said after the backup")
    amy.ok("SENDREALM beta bob had after the backup")
    alpha.until_done("beta")
    beta.until_done("alpha")
    beta.kill()
    shutil.rmtree(beta.data)
    beta.cli("restore", saved)
    # It tells of an address where nobody here has said it is.
    beta.start(1399)
    alpha.until("beta", lambda link: link["state"] == "up" and link.get("told"))
    bob = beta.conn("bob")
    bob.ok("SENDREALM alpha amy said in the second life")
    alpha.until_done("beta")
    beta.until_done("alpha")
    # Alpha has another name from now on, which some have not heard yet.
    root.ok("RENAMEREALM Aleph")
    alpha.name = None
    beta.until("Aleph", lambda link: link["state"] == "up")
    invitation = root.ok(f"INVITEREALM {NET}1 1301")["data"]
    # What is owed on either side when both end.
    beta.kill()
    amy.ok("SENDREALM beta bob owed when all ends")
    amy.ok("SENDREALM beta nobody owed to nobody")
    amy.ok("SENDGROUPREALM beta room é, owed to the room")
    people["erin"].ok("SENDREALM beta zoe owed to zoe")
    alpha.kill()
    beta.start(1399)
    bob = beta.conn("bob")
    bob.ok("SENDREALM aleph amy owed by beta")
    bob.ok("SENDREALM aleph dave owed to one who is gone")
    bob.ok("SENDREALM aleph erin owed to an heir")
    bob.ok("SENDGROUPREALM aleph room owed by beta to the room")
    beta.kill()
    # Two processes' logs, neither in the tables.
    alpha.start()
    amy = alpha.conn("amy")
    amy.ok("SEND bob the last word")
    tokens = {name: ("another one" if name == "frank" else "pw", conn.token) for name, conn in people.items()}
    alpha.kill()
    record(alpha, beta, tokens, invitation)


def pack(directory, path):
    """All files of a directory in one: for each its path, and its bytes in turns of other bytes and zeros.

    Numbers are 4 bytes, little-endian. For each file: the length of its path, its path, and how many pieces it
    has; for each piece: how many bytes, the bytes, and how many zeros follow them.
    """
    out = bytearray(b"packed 1\n")
    for top, _, names in sorted(os.walk(directory)):
        for name in sorted(names):
            file = os.path.join(top, name)
            if os.path.isfile(file) and name != "spare":
                data = open(file, "rb").read()
                pieces = []
                at = 0
                for zeros in re.finditer(rb"\0{16,}", data):
                    pieces.append((data[at : zeros.start()], zeros.end() - zeros.start()))
                    at = zeros.end()
                if at < len(data):
                    pieces.append((data[at:], 0))
                inside = os.path.relpath(file, directory).encode()
                out += struct.pack("<I", len(inside)) + inside + struct.pack("<I", len(pieces))
                for some, zeros in pieces:
                    out += struct.pack("<I", len(some)) + some + struct.pack("<I", zeros)
    open(path, "wb").write(out)


# What of CHECKREALM stays the same whatever happens meanwhile.
LASTING = [
    "realm", "serverip", "host", "port", "owed", "sent", "received", "cursor", "told", "former", "fingerprint",
    "plain", "asks",
]


def ask_everything(realm, tokens):
    """Each request and its reply, as the binary gives it, in the order in which a test asks."""
    conn, asked = Conn(realm.at), []

    def ask(line):
        conn.say(line)
        asked.append((line, conn.raw().decode()))
        return json.loads(asked[-1][1])

    def history(line):
        """Whole, in both shapes, and some pages in each direction."""
        whole = ask(line)
        if whole["status"] != "OK":
            return
        verb, rest = line.split(" ", 1)
        ask(f"{verb.lower()} {rest}")
        ids = [message["id"] for message in whole["data"] if "id" in message]
        if len(ids) > 7:
            middle = ids[len(ids) // 2]
            for options in [f"after={middle} limit=5", f"before={middle} limit=5", "limit=3", "after=0 limit=5"]:
                ask(f"{line} {options}")

    links = realm.operator().ok("CHECKREALM")["data"]
    realms = [link["realm"] for link in links] + ["delta"]
    realms += [former for link in links for former in link.get("former", [])]
    ask("VERSION")
    for name, token in tokens.items():
        if ask(f"WHOAMI {token}")["status"] != "OK":
            continue
        groups = ask(f"GETGROUPS {token}")["data"]
        ask(f"getgroups {token}")
        history(f"INBOX {token}")
        history(f"SENT {token}")
        for group in groups:
            ask(f"MEMBERS {token} {group}")
            history(f"INBOXGROUP {token} {group}")
        for other in realms:
            history(f"INBOXREALM {token} {other}")
            history(f"SENT {token} realm={other}")
            for group in groups:
                history(f"INBOXGROUPREALM {token} {other} {group}")
    ask(f"SHOWREALM {tokens['root']}")
    ask(f"GETUSERS {tokens['root']}")
    return asked


# What the two realms' lists are once they have linked again, for their texts.
AFTERWARDS = [
    ("alpha", "amy", "INBOXREALM beta"),
    ("alpha", "erin", "INBOXREALM beta"),
    ("alpha", "amy", "INBOXGROUPREALM beta room"),
    ("alpha", "amy", "SENT realm=beta"),
    ("beta", "bob", "INBOXREALM Aleph"),
    ("beta", "zoe", "INBOXREALM Aleph"),
    ("beta", "bob", "INBOXGROUPREALM Aleph room"),
    ("beta", "bob", "SENT realm=Aleph"),
]


def record(alpha, beta, tokens, invitation):
    made = int(time.time())
    realms = {"alpha": alpha, "beta": beta}
    for name, realm in realms.items():
        os.remove(os.path.join(realm.data, "antar.sock"))
        pack(realm.data, os.path.join(OUT, name + ".packed"))
        copy = os.path.join(WORK, name + "-copy")
        shutil.copytree(realm.data, copy)
        realm.data = copy
        print(realm.cli("check"))
    saved = os.path.join(WORK, "saved")
    alpha.cli("backup", saved)
    pack(saved, os.path.join(OUT, "backup.packed"))
    alpha.start()
    asked = ask_everything(alpha, {name: token for name, (_, token) in tokens.items()})
    links = alpha.operator().ok("CHECKREALM")["data"]
    beta.start()
    alpha.until_done("beta")
    beta.until_done("Aleph")
    with open(os.path.join(OUT, "manifest"), "w") as out:
        out.write(f"made {made}\ninvitation {invitation}\n")
        for name, (password, token) in tokens.items():
            out.write(f"user {name} {token} {password}\n")
        for link in links:
            link = {key: value for key, value in link.items() if key in LASTING}
            out.write("link " + json.dumps(link, ensure_ascii=False) + "\n")
        told = {}
        for line, reply in asked:
            out.write(f"> {line}\n")
            out.write(f"= {told[reply]}\n" if reply in told else f"< {reply}\n")
            told.setdefault(reply, line)
        for at, user, line in AFTERWARDS:
            list_ = realms[at].conn(user).ok(line)["data"]
            texts = [[message["from"], message["message"]] for message in list_]
            out.write(f"afterwards {at} {user} {line}\n* {json.dumps(texts, ensure_ascii=False)}\n")
    for realm in realms.values():
        realm.stop()
        print(realm.cli("check"))


if __name__ == "__main__":
    try:
        main()
    finally:
        for process in STARTED:
            process.kill()
        shutil.rmtree(WORK)
