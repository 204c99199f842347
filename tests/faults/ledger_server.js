// What ledger_server.py is, as far as the rolling restart needs it, on @grpc/grpc-js: its end is
// graceful to the last call, since streams that come behind its GOAWAY are refused unseen.  (gRPC's C
// core cancels what arrives while it shuts down, and nobody can tell whether it was done.)
'use strict';

const fs = require('fs');
const path = require('path');
const grpc = require(path.join(process.env.SLUICE_NODE_MODULES, '@grpc/grpc-js'));

const [address, file] = process.argv.slice(2);
const ledger = fs.openSync(file, 'a', 0o600);
const asItIs = (buffer) => buffer;

function method(name) {
  return {
    path: '/userservice.UserService/' + name, requestStream: false, responseStream: false,
    requestSerialize: asItIs, requestDeserialize: asItIs,
    responseSerialize: asItIs, responseDeserialize: asItIs,
  };
}

// Both requests begin with a string in field 1, which is the call's name; it is echoed as user_id.
function execute(call, done) {
  const name = call.request.subarray(2, 2 + call.request[1]);
  fs.writeSync(ledger, name.toString() + ' ' + address + '\n');
  done(null, Buffer.concat([Buffer.from([0x0a, name.length]), name]));
}

const server = new grpc.Server();
server.addService({ GetUser: method('GetUser'), CreateUser: method('CreateUser') },
  { GetUser: execute, CreateUser: execute });
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  server.start();
  process.stdout.write('ready\n');
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
