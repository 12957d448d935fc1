import { keys, save } from './live.js';

/** Ends each session that was left without a connection, on a connection of its own. */
export function endAll(url = '') {
  for (const key of keys('ended.')) {
    const socket = new WebSocket(url);
    const token = key.slice('ended.'.length);
    let isIn = false;
    socket.onopen = () => socket.send(`WHOAMI ${token}`);
    socket.onmessage = ({ data }) => {
      const { status, code } = JSON.parse(data);
      if (status === 'OK' && !isIn) {
        isIn = true;
        return socket.send('LOGOUT');
      }
      if (status === 'OK' || code === 'no_session') save(key, null);
      socket.close();
    };
  }
}
