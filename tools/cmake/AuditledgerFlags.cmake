# One interface target for our own warnings, sanitizers and hardening, linked PRIVATE by every
# target of ours; and auditledger_target(), what they all have in common.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# Used when it is there; nothing needs it.
find_program(AUDITLEDGER_CCACHE ccache)
mark_as_advanced(AUDITLEDGER_CCACHE)
if(AUDITLEDGER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${AUDITLEDGER_CCACHE})
endif()

# What every object of a program is compiled with, generated ones too (tools/hardening.py looks);
# the optimising presets add -D_FORTIFY_SOURCE=3.
set(AUDITLEDGER_HARDENING -fstack-protector-strong
  $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection -fcf-protection=full
                           -ftrivial-auto-var-init=zero>)

add_library(auditledger_flags INTERFACE)
target_compile_options(auditledger_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wformat=2
  -Werror=format-security -Werror=return-type -Werror=unused-result
  ${AUDITLEDGER_HARDENING}
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety -Wno-gcc-compat>)
target_compile_definitions(auditledger_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(auditledger_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)

# Generated code: hardened, but not warned about.
function(auditledger_generated name)
  target_compile_options(${name} PRIVATE ${AUDITLEDGER_HARDENING})
  target_compile_definitions(${name} PRIVATE _GLIBCXX_ASSERTIONS)
endfunction()

if(AUDITLEDGER_SANITIZE)
  add_compile_options(-fsanitize=${AUDITLEDGER_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AUDITLEDGER_SANITIZE})
endif()
if(AUDITLEDGER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(auditledger_target name)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:auditledger_flags>)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                            $<INSTALL_INTERFACE:include/auditledger>)
endfunction()
