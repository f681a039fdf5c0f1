# What is too long for CI. Sourced by tools/dev.

dev_nightly() { die "not yet"; }
