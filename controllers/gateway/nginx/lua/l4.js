// Finds the endpoint of an L4 connection: a file for each port that is in use holds `address:port` lines.
import fs from 'fs';

function endpoints(s) {
  try {
    const file = `${s.variables.l4_files}/${s.variables.protocol.toLowerCase()}-${s.variables.server_port}`;
    return fs.readFileSync(file).toString().split('\n').filter(Boolean);
  } catch (e) {
    if (e.code !== 'ENOENT') s.error(`cannot read the endpoints of a port: ${e.message}`);
    return [];
  }
}

// A port that no Service has, or whose Service has no endpoint: the connection is closed at once.
function access(s) {
  if (endpoints(s).length === 0) s.deny();
  else s.allow();
}

function target(s) {
  const list = endpoints(s);
  return list.length > 0 ? list[Math.floor(Math.random() * list.length)] : '';
}

export default { access, target };
