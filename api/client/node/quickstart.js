// What README.md shows; a test runs it where `auditctl dev-certs` wrote certs/.
const address = process.env.AUDITLEDGER ?? 'localhost:7443';
// snippet-begin: quickstart
import {readFileSync} from 'node:fs';
import {timestampNow} from '@bufbuild/protobuf/wkt';
import {connect, PinnedLog} from 'auditledger';
import {Outcome_Indicator} from 'auditledger/v1/event';
const log = new PinnedLog('audit.example.org/clinic', readFileSync('certs/clinic.vkey', 'utf8'));
const ledger = connect(address, 'clinic', log, {ca: 'certs/ca.pem', cert: 'certs/ehr.pem', key: 'certs/ehr.key'});
const event = {eventId: crypto.randomUUID(), schemaVersion: 1, recorded: {at: timestampNow()}, agent: [{name: 'Dr. A'}],
               outcome: {indicator: Outcome_Indicator.SUCCESS}, source: {observer: {display: 'EHR'}, streamId: 'ehr-1'}};
console.log('recorded as entry', (await ledger.append(event)).index);
ledger.close();
// snippet-end: quickstart
