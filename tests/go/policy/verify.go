// Command verify checks receipts under a witness policy with torchwood's policy and proof code, which
// shares nothing with ours. See ../check_litewitness.sh.
//
//	verify POLICY RECEIPT...
//
// POLICY is a C2SP tlog-policy; a RECEIPT is a C2SP tlog-proof whose `extra` begins with the leaf as
// u8 version = 1 || BE16 length || leaf (merkle/opening.h). Exit code 0 only if all of it verifies,
// and neither another entry under the same proof nor a proof without cosignatures does.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify POLICY RECEIPT...")
		os.Exit(64)
	}
	text, err := os.ReadFile(os.Args[1])
	check("policy", err)
	policy, err := torchwood.ParsePolicy(text)
	check("policy", err)
	for _, path := range os.Args[2:] {
		check(path, checkReceipt(policy, path))
		fmt.Printf("torchwood: receipt %s verifies under the policy\n", path)
	}
}

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "torchwood: REFUSED %s: %v\n", what, err)
		os.Exit(1)
	}
}

func checkReceipt(policy torchwood.Policy, path string) error {
	proof, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	extra, err := torchwood.ProofExtraData(proof)
	if err != nil {
		return err
	}
	if len(extra) < 3 || extra[0] != 1 || int(binary.BigEndian.Uint16(extra[1:])) > len(extra)-3 {
		return errors.New("its extra data holds no leaf")
	}
	leaf := extra[3 : 3+binary.BigEndian.Uint16(extra[1:])]
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(leaf), proof); err != nil {
		return err
	}
	if torchwood.VerifyProof(policy, tlog.RecordHash([]byte("another")), proof) == nil {
		return errors.New("another entry was accepted too")
	}
	// The log's signature is the first line behind the note's text; the witnesses' follow.
	lines := strings.SplitAfter(string(proof), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "— ") {
			lines = lines[:i+1]
			break
		}
	}
	stripped := []byte(strings.Join(lines, ""))
	if torchwood.VerifyProof(policy, tlog.RecordHash(leaf), stripped) == nil {
		return errors.New("it was accepted without cosignatures too")
	}
	return nil
}
