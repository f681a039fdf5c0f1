# One interface target for our own warnings, sanitizers and hardening; linked PRIVATE by every target of ours.
add_library(auditledger_flags INTERFACE)
target_compile_options(auditledger_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wformat=2 -Werror=format-security
  -Werror=return-type -Werror=unused-result -fstack-protector-strong
  $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection -fcf-protection=full>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety -Wno-gcc-compat>)
target_compile_definitions(auditledger_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(auditledger_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(AUDITLEDGER_SANITIZE)
  add_compile_options(-fsanitize=${AUDITLEDGER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AUDITLEDGER_SANITIZE})
endif()
if(AUDITLEDGER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(AUDITLEDGER_TIDY)
  set(AUDITLEDGER_CLANG_TIDY clang-tidy-14)
endif()

# auditledger_target(NAME [TIDY]): what every library and program of ours has in common.
function(auditledger_target name)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:auditledger_flags>)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                            $<INSTALL_INTERFACE:include/auditledger>)
  if(AUDITLEDGER_CLANG_TIDY)
    set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "${AUDITLEDGER_CLANG_TIDY}")
  endif()
endfunction()
