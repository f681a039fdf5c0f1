# What is installed, by component, and how it is packed.
#   server    auditledgerd and auditledger-signer, their units and users, default configuration
#   verifier  auditledger-verify alone: what an auditor installs
#   edge      nginx's configuration, unit and user in front of the daemon
#   witness   auditledger-witness, its unit and user: for others than the ledger's operator
#   monitor   auditledger-monitor, its unit and user: for those who do not trust the operator
#   tools     auditctl, auditledger-fsck, auditledger-load, auditledger-report
#   dev       merkle, proto and verifier as the CMake package "auditledger"
include(CMakePackageConfigHelpers)

# --- dev --------------------------------------------------------------------------------------
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/auditledger)
install(TARGETS auditledger_merkle auditledger_proto auditledger_verifier
  EXPORT auditledgerTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/auditledger COMPONENT dev)
foreach(name merkle proto verifier)
  set_target_properties(auditledger_${name} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/proto/gen/auditledger/v1
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/auditledger COMPONENT dev
  FILES_MATCHING PATTERN "event.pb.h" PATTERN "proof.pb.h")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/auditledger
  DESTINATION ${CMAKE_INSTALL_DATADIR}/auditledger/proto COMPONENT dev
  FILES_MATCHING PATTERN "*.proto")
install(EXPORT auditledgerTargets NAMESPACE auditledger:: DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/auditledgerConfig.cmake.in
  ${PROJECT_BINARY_DIR}/auditledgerConfig.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/auditledgerConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/auditledgerConfig.cmake
              ${PROJECT_BINARY_DIR}/auditledgerConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT dev)

# --- programs ---------------------------------------------------------------------------------
install(TARGETS auditledger-verify RUNTIME COMPONENT verifier)
if(AUDITLEDGER_SERVER)
  install(TARGETS auditctl auditledger-fsck auditledger-load auditledger-report RUNTIME COMPONENT tools)
  install(TARGETS auditledgerd auditledger-signer RUNTIME COMPONENT server)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/auditledgerd.service
                ${PROJECT_SOURCE_DIR}/tools/packaging/auditledger-signer.service
    DESTINATION lib/systemd/system COMPONENT server)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/auditledger.sysusers
    DESTINATION lib/sysusers.d RENAME auditledger.conf COMPONENT server)
  # Absolute, as configuration is; a staged install takes it along by DESTDIR.
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/auditledgerd.textproto
                ${PROJECT_SOURCE_DIR}/tools/packaging/access.policy
    DESTINATION /etc/auditledger COMPONENT server)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/master-key.conf  # a drop-in, for whoever wants it
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/auditledger-server COMPONENT server)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/edge/nginx.conf
    DESTINATION /etc/auditledger-edge COMPONENT edge)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/edge/auditledger-edge.service
    DESTINATION lib/systemd/system COMPONENT edge)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/edge/auditledger-edge.sysusers
    DESTINATION lib/sysusers.d RENAME auditledger-edge.conf COMPONENT edge)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/edge/auditledger-edge.tmpfiles
    DESTINATION lib/tmpfiles.d RENAME auditledger-edge.conf COMPONENT edge)
  install(TARGETS auditledger-witness RUNTIME COMPONENT witness)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/witness/auditledger-witness.service
    DESTINATION lib/systemd/system COMPONENT witness)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/witness/auditledger-witness.sysusers
    DESTINATION lib/sysusers.d RENAME auditledger-witness.conf COMPONENT witness)
  install(TARGETS auditledger-monitor RUNTIME COMPONENT monitor)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/monitor/auditledger-monitor.service
    DESTINATION lib/systemd/system COMPONENT monitor)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/packaging/monitor/auditledger-monitor.sysusers
    DESTINATION lib/sysusers.d RENAME auditledger-monitor.conf COMPONENT monitor)
endif()
foreach(component server verifier edge witness monitor tools dev)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/auditledger-${component} COMPONENT ${component})
  # Where tools/dev package has written it (tools/sbom.py).
  install(FILES ${PROJECT_BINARY_DIR}/sbom/auditledger-${component}.spdx.json OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/auditledger-${component} RENAME sbom.spdx.json
    COMPONENT ${component})
endforeach()

# --- packages ---------------------------------------------------------------------------------
set(CPACK_PACKAGE_NAME auditledger)
set(CPACK_PACKAGE_VENDOR "auditledger maintainers")
set(CPACK_PACKAGE_CONTACT "auditledger maintainers <maintainers@auditledger.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL server verifier edge witness monitor tools dev)
if(NOT AUDITLEDGER_SERVER)
  set(CPACK_COMPONENTS_ALL verifier dev)
endif()
set(CPACK_STRIP_FILES ON)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
foreach(component SERVER VERIFIER EDGE WITNESS MONITOR TOOLS DEV)
  string(TOLOWER ${component} lower)
  set(CPACK_DEBIAN_${component}_PACKAGE_NAME auditledger-${lower})
endforeach()
set(CPACK_COMPONENT_SERVER_DESCRIPTION
  "Audit ledger: the daemon\n Keeps an append-only, provable record of audit events; with the signer that may run beside it.")
set(CPACK_COMPONENT_VERIFIER_DESCRIPTION
  "Audit ledger: the offline verifier\n Checks receipts and exported logs, trusting no server.")
set(CPACK_COMPONENT_EDGE_DESCRIPTION
  "Audit ledger: the edge\n nginx in front of the daemon: TLS 1.3, client certificates, revocation, limits.")
set(CPACK_COMPONENT_WITNESS_DESCRIPTION
  "Audit ledger: a witness\n Cosigns the checkpoints of logs that it follows (C2SP tlog-witness), over HTTP or from files.")
set(CPACK_COMPONENT_MONITOR_DESCRIPTION
  "Audit ledger: a monitor\n Follows logs by their public tiles, keeps mirrors, and writes evidence of misbehaviour.")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION
  "Audit ledger: auditctl, auditledger-fsck, auditledger-load and auditledger-report\n Creates ledgers; appends, reads, proves and exports entries; checks a stopped or copied one; measures a server; makes reports of evidence.")
set(CPACK_COMPONENT_DEV_DESCRIPTION
  "Audit ledger: libraries and protos\n Merkle proofs, verification and wire formats for C++.")
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "libabsl-dev, libssl-dev, libprotobuf-dev, nlohmann-json3-dev")
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_EDGE_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_EDGE_PACKAGE_DEPENDS
  "auditledger-server, nginx, libnginx-mod-stream, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_EDGE_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/tools/packaging/edge/postinst;${PROJECT_SOURCE_DIR}/tools/packaging/edge/conffiles")
set(CPACK_DEBIAN_WITNESS_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_WITNESS_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/tools/packaging/witness/postinst")
set(CPACK_DEBIAN_MONITOR_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_MONITOR_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/tools/packaging/monitor/postinst")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/tools/packaging/postinst;${PROJECT_SOURCE_DIR}/tools/packaging/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
