// Command follow reads a growing log over HTTP with Tessera's own client, which shares no code with
// ours: every head must extend the one before, and every entry bundle and a proof of an entry of
// each must verify under it. See ../check_tiles.sh.
//
//	follow URL ORIGIN VKEYFILE SIZE HEADS
//
// URL is the log's C2SP tlog-tiles prefix. It ends when the log has SIZE entries; exit code 0 only if
// all of it verified and at least HEADS different heads were seen.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
)

const bundleWidth = 256

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: follow URL ORIGIN VKEYFILE SIZE HEADS")
		os.Exit(64)
	}
	prefix, err := url.Parse(strings.TrimSuffix(os.Args[1], "/") + "/")
	check("URL", err)
	vkey, err := os.ReadFile(os.Args[3])
	check("vkey", err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	check("vkey", err)
	size, err := strconv.ParseUint(os.Args[4], 10, 64)
	check("SIZE", err)
	wanted, err := strconv.Atoi(os.Args[5])
	check("HEADS", err)
	fetcher, err := client.NewHTTPFetcher(prefix, http.DefaultClient)
	check("URL", err)

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tracker, err := client.NewLogStateTracker(ctx, fetcher.ReadTile, nil, verifier, os.Args[2],
		client.UnilateralConsensus(fetcher.ReadCheckpoint))
	check("first head", err)
	checked, heads := uint64(0), 0
	for {
		if head := tracker.Latest(); head.Size > checked {
			check(fmt.Sprintf("head of %d entries", head.Size),
				checkEntries(ctx, fetcher, head.Size, head.Hash))
			checked = head.Size
			heads++
		}
		if checked >= size {
			break
		}
		select {
		case <-ctx.Done():
			check("waiting", fmt.Errorf("the log has only %d of %d entries", checked, size))
		case <-time.After(50 * time.Millisecond):
		}
		_, _, _, err = tracker.Update(ctx)
		check("next head", err)
	}
	if heads < wanted {
		check("growth", fmt.Errorf("saw %d heads, wanted %d", heads, wanted))
	}
	fmt.Printf("Tessera client: %d heads, each extending the last, and %d entries verify\n", heads, checked)
}

// Every leaf of every bundle is what the tiles say, and one of each bundle is proven under the root.
func checkEntries(ctx context.Context, f *client.HTTPFetcher, size uint64, root []byte) error {
	builder, err := client.NewProofBuilder(ctx, size, f.ReadTile)
	if err != nil {
		return err
	}
	hashes, err := client.FetchLeafHashes(ctx, f.ReadTile, 0, size, size)
	if err != nil {
		return err
	}
	for bundle := uint64(0); bundle*bundleWidth < size; bundle++ {
		entries, err := client.GetEntryBundle(ctx, f.ReadEntryBundle, bundle, size)
		if err != nil {
			return err
		}
		for i, entry := range entries.Entries {
			index := bundle*bundleWidth + uint64(i)
			if index >= size {
				break // a full bundle that took the partial one's place
			}
			hash := rfc6962.DefaultHasher.HashLeaf(entry)
			if !bytes.Equal(hash, hashes[index]) {
				return fmt.Errorf("entry %d is not what its tile says", index)
			}
			if i != int(bundle*37)%len(entries.Entries) {
				continue
			}
			path, err := builder.InclusionProof(ctx, index)
			if err != nil {
				return err
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, hash, path, root); err != nil {
				return fmt.Errorf("entry %d: %v", index, err)
			}
		}
	}
	return nil
}

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "Tessera client: REFUSED %s: %v\n", what, err)
		os.Exit(1)
	}
}
