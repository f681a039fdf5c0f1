// The two gRPC services, one pair for each listener. Handlers check, and hand what may block to a
// pool.
//
//   append_service.cc  AppendEvent, BatchAppendEvents     append_stream.h   AppendEventStream
//   read_service.cc    entries, listings, proofs          tail_service.cc   TailEntries,
//   WatchCheckpoints ledger_queries.cc  GetLedger, ListLedgers, ListStreams admin_service.cc
//   AdminService, but for backup_service.cc: BackupLedger, BackupSecrets erasure_service.cc
//   ErasureService
//
// Thread-safety: gRPC calls all methods from many threads. What each rpc promises stands in proto/.
#ifndef AUDITLEDGER_API_SERVICE_H_
#define AUDITLEDGER_API_SERVICE_H_

#include <utility>

#include "api/access/authenticator.h"
#include "api/service_context.h"
#include "auditledger/v1/admin_service.grpc.pb.h"
#include "auditledger/v1/erasure_service.grpc.pb.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "auditledger/v1/patient_service.grpc.pb.h"
#include "auditledger/v1/proof_service.grpc.pb.h"

namespace auditledger {

// All methods take and give raw bytes: see message_io.h.
using RawLedgerService = v1::LedgerService::WithRawCallbackMethod_AppendEvent<
    v1::LedgerService::WithRawCallbackMethod_BatchAppendEvents<
        v1::LedgerService::WithRawCallbackMethod_AppendEventStream<
            v1::LedgerService::WithRawCallbackMethod_GetEntry<
                v1::LedgerService::WithRawCallbackMethod_ListEntries<
                    v1::LedgerService::WithRawCallbackMethod_TailEntries<
                        v1::LedgerService::WithRawCallbackMethod_GetCheckpoint<
                            v1::LedgerService::WithRawCallbackMethod_WatchCheckpoints<
                                v1::LedgerService::WithRawCallbackMethod_GetInclusionProof<
                                    v1::LedgerService::WithRawCallbackMethod_GetConsistencyProof<
                                        v1::LedgerService::WithRawCallbackMethod_GetLedger<
                                            v1::LedgerService::WithRawCallbackMethod_ListLedgers<
                                                v1::LedgerService::
                                                    WithRawCallbackMethod_ListStreams<
                                                        v1::LedgerService::Service>>>>>>>>>>>>>;
using RawAdminService = v1::AdminService::WithRawCallbackMethod_CreateLedger<
    v1::AdminService::WithRawCallbackMethod_GetServerStatus<
        v1::AdminService::WithRawCallbackMethod_BackupLedger<
            v1::AdminService::WithRawCallbackMethod_BackupSecrets<
                v1::AdminService::WithRawCallbackMethod_FreezeLedger<
                    v1::AdminService::WithRawCallbackMethod_RotateWrappingKey<
                        v1::AdminService::Service>>>>>>;

using RawProofService = v1::ProofService::WithRawCallbackMethod_ListTimestamps<
    v1::ProofService::WithRawCallbackMethod_GetTimeBracket<
        v1::ProofService::WithRawCallbackMethod_GetCoseReceipt<v1::ProofService::Service>>>;

using RawErasureService = v1::ErasureService::WithRawCallbackMethod_FindSubject<
    v1::ErasureService::WithRawCallbackMethod_RequestErasure<
        v1::ErasureService::WithRawCallbackMethod_ApproveErasure<
            v1::ErasureService::WithRawCallbackMethod_PlaceLegalHold<
                v1::ErasureService::WithRawCallbackMethod_LiftLegalHold<
                    v1::ErasureService::Service>>>>>;
using RawPatientService =
    v1::PatientService::WithRawCallbackMethod_ListPatientEntries<v1::PatientService::Service>;

using Bytes = grpc::ByteBuffer;
using GrpcContext = grpc::CallbackServerContext;

class LedgerServiceImpl final : public RawLedgerService {
 public:
  LedgerServiceImpl(ServiceContext& context, ListenerIdentity listener)
      : context_(context), listener_(std::move(listener)) {}

  grpc::ServerUnaryReactor* AppendEvent(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* BatchAppendEvents(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* AppendEventStream(GrpcContext*) override;
  grpc::ServerUnaryReactor* GetEntry(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* ListEntries(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerWriteReactor<Bytes>* TailEntries(GrpcContext*, const Bytes*) override;
  grpc::ServerUnaryReactor* GetCheckpoint(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerWriteReactor<Bytes>* WatchCheckpoints(GrpcContext*, const Bytes*) override;
  grpc::ServerUnaryReactor* GetInclusionProof(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* GetConsistencyProof(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* GetLedger(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* ListLedgers(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* ListStreams(GrpcContext*, const Bytes*, Bytes*) override;

 private:
  ServiceContext& context_;
  const ListenerIdentity listener_;
};

class AdminServiceImpl final : public RawAdminService {
 public:
  AdminServiceImpl(ServiceContext& context, ListenerIdentity listener)
      : context_(context), listener_(std::move(listener)) {}
  grpc::ServerUnaryReactor* CreateLedger(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* GetServerStatus(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* FreezeLedger(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* RotateWrappingKey(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerWriteReactor<Bytes>* BackupLedger(GrpcContext*, const Bytes*) override;
  grpc::ServerWriteReactor<Bytes>* BackupSecrets(GrpcContext*, const Bytes*) override;

 private:
  ServiceContext& context_;
  const ListenerIdentity listener_;
};

class ProofServiceImpl final : public RawProofService {
 public:
  ProofServiceImpl(ServiceContext& context, ListenerIdentity listener)
      : context_(context), listener_(std::move(listener)) {}
  grpc::ServerUnaryReactor* ListTimestamps(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* GetTimeBracket(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* GetCoseReceipt(GrpcContext*, const Bytes*, Bytes*) override;

 private:
  ServiceContext& context_;
  const ListenerIdentity listener_;
};

class ErasureServiceImpl final : public RawErasureService {
 public:
  ErasureServiceImpl(ServiceContext& context, ListenerIdentity listener)
      : context_(context), listener_(std::move(listener)) {}
  grpc::ServerUnaryReactor* FindSubject(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* RequestErasure(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* ApproveErasure(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* PlaceLegalHold(GrpcContext*, const Bytes*, Bytes*) override;
  grpc::ServerUnaryReactor* LiftLegalHold(GrpcContext*, const Bytes*, Bytes*) override;

 private:
  ServiceContext& context_;
  const ListenerIdentity listener_;
};

// patient_service.cc
class PatientServiceImpl final : public RawPatientService {
 public:
  PatientServiceImpl(ServiceContext& context, ListenerIdentity listener)
      : context_(context), listener_(std::move(listener)) {}
  grpc::ServerUnaryReactor* ListPatientEntries(GrpcContext*, const Bytes*, Bytes*) override;

 private:
  ServiceContext& context_;
  const ListenerIdentity listener_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SERVICE_H_
