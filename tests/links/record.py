"""Records what two realms of a binary say to each other on a link: see README.

Usage: record.py ANTAR [OUT]   OUT is this directory unless given.
"""

import json
import os
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../format1"))
OUT = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else HERE

# The realms of the other script; it leaves its files alone where it is not the main one.
from make import NET, STARTED, WORK, Realm  # noqa: E402

# How long nothing must be said for an exchange to be over.
QUIET = 0.4


class Tape:
    """What was said and done, in order."""

    def __init__(self):
        self.lines, self.lock, self.last = [], threading.Lock(), time.time()

    def note(self, who, text):
        with self.lock:
            self.lines.append(f"{who} {text}".rstrip())
            self.last = time.time()

    def settle(self):
        while time.time() < self.last + QUIET:
            time.sleep(0.05)


class Between:
    """Stands between two realms with the keys of both, and notes each line."""

    def __init__(self, tape, caller, called, number):
        self.tape, self.caller, self.called = tape, caller, called
        self.at = (NET + str(number), 1300 + number)
        self.listener = socket.create_server(self.at)
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.listener.accept()
            try:
                self.join(sock)
            except OSError:
                sock.close()

    def join(self, sock):
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(os.path.join(self.called.data, "identity.pem"))
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
        theirs.load_cert_chain(os.path.join(self.caller.data, "identity.pem"))
        other = socket.create_connection(self.called.at)
        other = theirs.wrap_socket(other)
        sock = ours.wrap_socket(sock, server_side=True)
        self.tape.note(self.caller.word, "calls")
        self.open = [sock, other]
        for one, two, word in [(sock, other, self.caller.word), (other, sock, self.called.word)]:
            threading.Thread(target=self.pass_on, args=(one, two, word), daemon=True).start()

    def pass_on(self, one, two, word):
        try:
            for line in one.makefile("rb"):
                if line.strip():
                    self.tape.note(word + ">", line.decode().rstrip("\r\n"))
                two.sendall(line)
        except OSError:
            pass
        for sock in (one, two):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for sock in self.open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Play:
    """Two realms of which one calls the other, and a user of each."""

    def __init__(self, name, number, caller):
        self.tape, self.name = Tape(), name
        self.alpha, self.beta = self.realm("alpha", number), self.realm("beta", number + 1)
        self.amy, self.bob = self.alpha.user("amy"), self.beta.user("bob")
        for conn in (self.amy, self.bob):
            conn.ok("ADDGROUP room pw")
        two = [self.alpha, self.beta]
        caller, called = two if caller == "alpha" else two[::-1]
        self.between = Between(self.tape, caller, called, number + 2)
        self.tape.note("port", str(self.between.at[1]))
        conn = self.amy if caller is self.alpha else self.bob
        self.does(conn, f"ADDREALM {called.name} {self.between.at[0]} {self.between.at[1]}")

    def realm(self, name, number):
        realm = Realm(name, number)
        realm.word = name
        # Nobody is at the address that it tells.
        realm.configure(tells=f"{NET}{1 if name == 'alpha' else 2}:1299")
        return realm.start()

    def does(self, conn, line):
        """What a user of alpha asks is a part of the play; what one of beta asks only has beta say something."""
        if conn is self.amy:
            self.tape.note("amy>", line)
        reply = conn.ask(line)
        self.tape.last = time.time()
        self.tape.settle()
        if conn is self.amy:
            said = reply["data"]
            if isinstance(said, list):
                said = [[m["from"], m["to"], m["message"]] for m in said]
            self.tape.note("amy<", json.dumps(said, ensure_ascii=False))
        return reply

    def exchange(self):
        amy, bob = self.amy, self.bob
        self.does(amy, "SENDREALM beta bob é \"quoted\" \\ 漢 🦀\u2028 two")
        self.does(bob, "SENDREALM alpha amy é \"quoted\" \\ 漢 🦀\u2028 two")
        self.does(amy, "SENDGROUPREALM beta room to the room")
        self.does(bob, "SENDGROUPREALM alpha room to the room there")
        self.does(amy, "SENDREALM beta nobody to nobody")
        self.does(bob, "SENDREALM alpha nobody to nobody there")
        self.does(amy, "ADDGROUP lonely pw")
        self.does(bob, "ADDGROUP lonesome pw")
        self.does(amy, "SENDGROUPREALM beta lonely is it there")
        self.does(bob, "SENDGROUPREALM alpha lonesome is it here")
        for line in ["INBOXREALM beta", "INBOXGROUPREALM beta room", "SENT realm=beta"]:
            self.does(amy, line)
        for line in ["INBOXREALM alpha", "INBOXGROUPREALM alpha room"]:
            self.does(bob, line)

    def end(self):
        with open(os.path.join(OUT, self.name), "w") as file:
            file.write("\n".join(self.tape.lines) + "\n")
        self.alpha.kill()
        self.beta.kill()


def until_called(play, times):
    deadline = time.time() + 60
    while len([line for line in play.tape.lines if line.endswith(" calls")]) < times:
        assert time.time() < deadline
        time.sleep(0.02)
    play.tape.settle()


def called():
    """Beta calls, and ends the link."""
    play = Play("called", 10, "beta")
    play.exchange()
    play.between.cut()
    play.tape.note("cut", "")
    until_called(play, 2)
    play.does(play.bob, "SENDREALM alpha amy once more")
    play.does(play.amy, "INBOXREALM beta limit=1")
    play.does(play.bob, "REMOVEREALM alpha")
    play.does(play.amy, "SENDREALM beta bob too late")
    play.end()


def calls():
    """Alpha calls, and ends the link."""
    play = Play("calls", 13, "alpha")
    play.exchange()
    play.does(play.amy, "REMOVEREALM beta")
    play.end()


def put_back():
    """Beta is put back from a backup: by the command, and by hand."""
    play = Play("put-back", 16, "beta")
    for n in range(9):
        play.does(play.amy, f"SENDREALM beta bob {n}")
        play.does(play.bob, f"SENDREALM alpha amy {n}")
    saved = os.path.join(WORK, "put-back")
    play.beta.cli("backup", saved)
    for n in range(5):
        play.does(play.amy, f"SENDREALM beta bob after {n}")
        play.does(play.bob, f"SENDREALM alpha amy after {n}")
    play.beta.kill()
    play.tape.note("cut", "")
    shutil.rmtree(play.beta.data)
    play.beta.cli("restore", saved)
    play.beta.start()
    until_called(play, 2)
    play.bob = play.beta.conn("bob")
    play.does(play.bob, "SENDREALM alpha amy in another life")
    play.does(play.amy, "INBOXREALM beta")
    # Now the files are copied, and put back without a word.
    play.beta.stop()
    play.tape.note("cut", "")
    copy = os.path.join(WORK, "copy")
    shutil.copytree(play.beta.data, copy)
    play.beta.start()
    until_called(play, 3)
    play.bob = play.beta.conn("bob")
    for n in range(3):
        play.does(play.bob, f"SENDREALM alpha amy lost {n}")
        play.does(play.amy, f"SENDREALM beta bob lost {n}")
    play.beta.kill()
    play.tape.note("cut", "")
    shutil.rmtree(play.beta.data)
    shutil.copytree(copy, play.beta.data)
    play.beta.start()
    until_called(play, 4)
    play.bob = play.beta.conn("bob")
    play.does(play.bob, "SENDREALM alpha amy and on")
    play.does(play.amy, "SENDREALM beta bob and on")
    play.does(play.amy, "INBOXREALM beta")
    play.does(play.amy, "SENT realm=beta")
    play.end()


try:
    called()
    calls()
    put_back()
finally:
    for process in STARTED:
        process.kill()
    shutil.rmtree(WORK)
