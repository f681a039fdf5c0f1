// Connections to an audit ledger's server.
import {readFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {fromBinary, toBinary} from '@bufbuild/protobuf';
import {credentials, makeClientConstructor, Metadata} from '@grpc/grpc-js';
import {LedgerService} from '../gen/auditledger/v1/ledger_service_pb.js';

const MAX_RECEIVE_BYTES = 16 << 20;  // receipts of a full batch with their openings are 4 MiB
const MAX_TOKEN_BYTES = 8 << 10;

const definitionOf = service => Object.fromEntries(service.methods.map(method => [
  method.localName,
  {
    path: `/${service.typeName}/${method.name}`,
    requestStream: /^(client|bidi)_streaming$/.test(method.methodKind),
    responseStream: /^(server|bidi)_streaming$/.test(method.methodKind),
    requestSerialize: message => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: bytes => fromBinary(method.input, bytes),
    responseSerialize: message => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: bytes => fromBinary(method.output, bytes),
  },
]));

/** What grpc-js knows the service by; its methods begin with a small letter. */
export const ledgerServiceDefinition = definitionOf(LedgerService);
const LedgerServiceClient = makeClientConstructor(ledgerServiceDefinition, LedgerService.typeName);

/** The token that stands in a file, which whoever gets tokens replaces. */
export async function readToken(path) {
  const token = (await readFile(path)).toString('latin1').trim();
  if (token.length > MAX_TOKEN_BYTES || !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error(`${path}: does not hold a token`);
  }
  return token;
}

const tokenCredentials = path => credentials.createFromMetadataGenerator((_, done) => {
  readToken(path).then(token => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    done(null, metadata);
  }, done);
});

/** Credentials of PEM files; see connect() in client.js. */
function credentialsOf({ca, cert, key, tokenFile}) {
  if (!cert !== !key || (!cert && !tokenFile)) {
    throw new TypeError('give cert and key, or tokenFile, or all three');
  }
  const read = path => path ? readFileSync(path) : null;
  const tls = credentials.createSsl(read(ca), read(key), read(cert));
  return tokenFile ? credentials.combineChannelCredentials(tls, tokenCredentials(tokenFile)) : tls;
}

export function openStub(address, files) {
  return new LedgerServiceClient(address, files ? credentialsOf(files) : credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
    // Retries are ours (retry.js): gRPC's would not see the ledger's reason and hint.
    'grpc.enable_retries': 0,
  });
}
