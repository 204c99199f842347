// userservice.UserService on @grpc/grpc-js: the core of users_server.py's behaviours, with the same
// control port.
'use strict';

const http = require('http');
const path = require('path');

const modules = process.env.SLUICE_NODE_MODULES;
const grpc = require(path.join(modules, '@grpc/grpc-js'));
const loader = require(path.join(modules, '@grpc/proto-loader'));
const protobuf = require(path.join(modules, 'protobufjs'));

const proto = path.join(__dirname, '..', '..', 'proto');
const includeDirs = [proto, path.join(proto, 'builtin'), '/usr/include'];
const BULK = 1000000;
const BULK_NAME = 'n'.repeat(65536);

const crypto = require('crypto');

const loaded = grpc.loadPackageDefinition(loader.loadSync(['userservice.proto', 'stream_test.proto'], {
  keepCase: true, longs: String, defaults: true, includeDirs,
}));
const service = loaded.userservice.UserService.service;

const root = new protobuf.Root();
root.resolvePath = (_, target) => {
  const found = includeDirs.map((dir) => path.join(dir, target));
  return found.find((file) => require('fs').existsSync(file)) || null;
};
root.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);
const Status = root.lookupType('google.rpc.Status');
const ErrorInfo = root.lookupType('google.rpc.ErrorInfo');

let seen;
function clear() {
  seen = { count: 0, cancelled: 0, running: 0, peers: [], calls: [] };
}
clear();

function begin(rpc, call) {
  const metadata = [];
  const map = call.metadata.getMap();
  for (const key of Object.keys(map)) {
    for (const value of call.metadata.get(key)) {
      metadata.push([key, Buffer.isBuffer(value) ? value.toString('hex') : value]);
    }
  }
  const deadline = call.getDeadline();
  const left = (deadline instanceof Date ? deadline.getTime() : deadline) - Date.now();
  const record = {
    rpc, metadata, timeout: Number.isFinite(left) ? left / 1000 : null, peer: call.getPeer(),
    state: 'running', sent: 0, request: call.request,
  };
  const mine = seen;
  mine.count++;
  mine.running++;
  if (!mine.peers.includes(record.peer)) mine.peers.push(record.peer);
  mine.calls.push(record);
  call.on('cancelled', () => {
    if (record.state !== 'running') return;
    record.state = 'cancelled';
    mine.cancelled++;
    mine.running--;
  });
  record.done = () => {
    if (record.state !== 'running') return;
    record.state = 'done';
    mine.running--;
  };
  Object.defineProperty(record, 'done', { enumerable: false });
  return record;
}

function failure(code, message) {
  const info = ErrorInfo.encode({ reason: 'TOLD_TO', domain: 'tests',
    metadata: { code: String(code) } }).finish();
  const status = Status.encode({ code, message, details: [
    { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: info },
  ] }).finish();
  const metadata = new grpc.Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(status));
  return { code, details: message, metadata };
}

function behave(word, call, record, answer) {
  const [kind, argument] = [word.split('-')[0], word.slice(word.indexOf('-') + 1)];
  const reply = (error, value, trailer) => {
    record.done();
    answer(error, value, trailer);
  };
  if (kind === 'status') return reply(failure(+argument, `told to fail with ${argument}`));
  if (kind === 'plain') return reply({ code: +argument, details: `plainly ${argument}` });
  if (kind === 'percent') return reply({ code: 5, details: 'kein Nutzer "Jörg" 100% ✓' });
  const name = kind === 'big' ? 'n'.repeat(+argument) : `User ${word}`;
  if (kind === 'sleep') return setTimeout(() => reply(null, name), +argument);
  if (word === 'hang') return undefined;
  let trailer;
  if (kind === 'http') {
    const metadata = new grpc.Metadata();
    metadata.set('x-http-code', argument);
    call.sendMetadata(metadata);
  }
  if (word === 'meta') {
    const metadata = new grpc.Metadata();
    metadata.set('etag', '"v1"');
    metadata.set('cache-control', 'no-cache');
    metadata.set('x-custom', 'custom value');
    metadata.set('x-request-id', 'r-1');
    metadata.set('server-secret', 'hidden');
    metadata.set('x-data-bin', Buffer.from([0, 255]));
    call.sendMetadata(metadata);
    trailer = new grpc.Metadata();
    trailer.set('x-trailer', 'late');
  }
  return reply(null, name, trailer);
}

const users = {
  GetUser(call, answer) {
    const id = call.request.user_id;
    behave(id, call, begin('GetUser', call), (error, name, trailer) => {
      if (error) return answer(error);
      return answer(null, { user_id: id, name, email: `${id.slice(0, 40)}@example.com`,
        created_at: '9007199254740993' }, trailer);
    });
  },
  ListUsers(call) {
    const record = begin('ListUsers', call);
    const size = call.request.page_size;
    const bulk = size >= BULK;
    const count = bulk ? size - BULK : { [-2]: 2, [-3]: 1, [-6]: 0 }[size] ?? (size || 3);
    if (size === -1) {
      record.done();
      call.emit('error', failure(7, 'not for you'));
      return;
    }
    let i = 0;
    const step = () => {
      while (i < count) {
        if (record.state === 'cancelled') return;
        record.sent++;
        const user = bulk ? { user_id: String(i), name: BULK_NAME }
          : { user_id: String(i), name: `User ${i}`, email: `${i}@example.com`, created_at: i };
        i++;
        if (!call.write(user)) {
          call.once('drain', step);
          return;
        }
      }
      if (size === -3) return;
      record.done();
      if (size === -2) call.emit('error', failure(8, 'enough'));
      else call.end();
    };
    step();
  },
  StreamUpdates(call) {
    const record = begin('StreamUpdates', call);
    call.on('data', (event) => {
      if (call.write({ success: true, message: event.user_id })) return;
      call.pause();
      call.once('drain', () => call.resume());
    });
    call.on('end', () => {
      record.done();
      call.end();
    });
  },
  CreateUser(call, answer) {
    const { name, email } = call.request;
    behave(name, call, begin('CreateUser', call), (error, _, trailer) => {
      if (error) return answer(error);
      return answer(null, { user_id: 'new', name, email, created_at: 1 }, trailer);
    });
  },
  UpdateUser(call, answer) {
    begin('UpdateUser', call).done();
    answer(null, call.request.user);
  },
  DeleteUser(call, answer) {
    behave(call.request.user_id, call, begin('DeleteUser', call),
      (error, _, trailer) => (error ? answer(error) : answer(null, {}, trailer)));
  },
};

// The first request's text may be "fail".
const streams = {
  Collect(call, answer) {
    const record = begin('Collect', call);
    const hash = crypto.createHash('sha256');
    let count = 0, bytes = 0, ordered = true, over = false;
    call.on('data', (item) => {
      if (over) return;
      ordered = ordered && +item.number === count;
      count++;
      bytes += Buffer.byteLength(item.text);
      hash.update(item.text);
      if (count > 1 || item.text !== 'fail') return;
      over = true;
      record.done();
      answer(failure(9, 'told to fail'));
    });
    call.on('end', () => {
      if (over) return;
      record.done();
      answer(null, { count, bytes, ordered, digest: hash.digest('hex') });
    });
  },
};

const server = new grpc.Server();
server.addService(service, users);
server.addService(loaded.streamtest.StreamService.service, streams);
// --tls CERTIFICATE KEY CLIENT_CA, which may be empty
const [, , option, certificate, key, clientCa] = process.argv;
const read = require('fs').readFileSync;
const credentials = option === '--tls'
  ? grpc.ServerCredentials.createSsl(clientCa ? read(clientCa) : null,
    [{ cert_chain: read(certificate), private_key: read(key) }], Boolean(clientCa))
  : grpc.ServerCredentials.createInsecure();
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  server.start();
  const control = http.createServer((request, response) => {
    if (request.url === '/clear') clear();
    response.end(JSON.stringify(seen));
  });
  control.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ port, control: control.address().port }));
  });
});
