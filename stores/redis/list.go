package redisstore

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

var _ sojourn.Lister = (*Store)(nil)

// List implements [sojourn.Lister], in no order, with SCAN over the keys of the prefix, on each primary of a Cluster in
// turn. Sessions may come twice. If slots have moved from one server to another since the first page, the listing begins
// anew; one that is moved while its slot is moving may be missed. A damaged record opens nothing and is not listed; one
// of a newer release is [sojourn.ErrNewer].
func (st *Store) List(ctx context.Context, cursor string, limit int) (entries []sojourn.Entry, next string, err error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("redisstore: list: a page of %d", limit)
	}
	var at position
	if cursor != "" {
		if at, err = parsePosition(cursor); err != nil {
			return nil, "", err
		}
	}
	at, ids, err := st.page(ctx, at, limit)
	if err != nil {
		return nil, "", failure("list", err)
	}
	heads, err := st.headsOf(ctx, ids)
	if err != nil {
		return nil, "", failure("list", err)
	}
	entries, err = read(heads, func(*sojourn.Facts) bool { return true })
	if err != nil {
		return nil, "", failure("list", err)
	}
	return entries, at.text(), nil
}

// position is how far a listing came.
type position struct {
	slots uint64       // which server has which slots, as a hash
	node  uint32       // number of the primary in the order of slots
	scan  uint64       // SCAN's cursor there
	left  []sojourn.ID // what SCAN has answered beyond the page
	end   bool
}

// page goes on from at and returns the next IDs, at most limit.
func (st *Store) page(ctx context.Context, at position, limit int) (position, []sojourn.ID, error) {
	primaries, slots, err := st.primaries(ctx)
	if err != nil {
		return at, nil, err
	}
	if at.slots != slots {
		at = position{slots: slots}
	}
	ids := at.left
	for at.left = nil; len(ids) < limit && int(at.node) < len(primaries); {
		found, scan, err := st.scan(ctx, primaries[at.node], at.scan, limit)
		if err != nil {
			return at, nil, err
		}
		ids = append(ids, found...)
		if at.scan = scan; scan == 0 {
			at.node++
		}
		if len(found) > 0 {
			break // a page may be short, and calls that find nothing are many where others have most of the keys
		}
	}
	if len(ids) > limit {
		ids, at.left = ids[:limit], ids[limit:]
	}
	at.end = int(at.node) >= len(primaries) && len(at.left) == 0
	return at, ids, nil
}

// scanAtLeast is how many keys SCAN looks at in one call, also for a small page: the database may be full of others.
const scanAtLeast = 100

func (st *Store) scan(ctx context.Context, node rueidis.Client, cursor uint64, count int) ([]sojourn.ID, uint64, error) {
	results, err := st.askNode(ctx, node, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		result := client.Do(ctx, client.B().Scan().Cursor(cursor).Match(pattern(st.names.sessions())+"*").Count(int64(max(count, scanAtLeast))).Type("string").Build())
		return []rueidis.RedisResult{result}, failed(result)
	}, nil)
	if err != nil {
		return nil, 0, err
	}
	found, err := results[0].AsScanEntry()
	if err != nil {
		return nil, 0, err
	}
	ids := make([]sojourn.ID, 0, len(found.Elements))
	for _, key := range found.Elements {
		if id, ok := st.names.id(key); ok {
			ids = append(ids, id)
		}
	}
	return ids, found.Cursor, nil
}

// pattern makes a text one that SCAN takes for itself.
func pattern(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(text)
}

// primaries returns the servers that have the keys, in the order of their slots, and a number that says which has which.
func (st *Store) primaries(ctx context.Context) ([]rueidis.Client, uint64, error) {
	if st.client.Mode() != rueidis.ClientModeCluster {
		return []rueidis.Client{st.client}, 1, nil
	}
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		result := client.Do(ctx, client.B().ClusterSlots().Build())
		return []rueidis.RedisResult{result}, failed(result)
	}, nil)
	if err != nil {
		return nil, 0, err
	}
	ranges, err := results[0].ToArray()
	if err != nil {
		return nil, 0, err
	}
	type slots struct {
		from, to int64
		primary  string
	}
	var all []slots
	for _, message := range ranges {
		fields, err := message.ToArray()
		if err != nil || len(fields) < 3 {
			return nil, 0, errors.Join(err, errors.New("an answer of CLUSTER SLOTS that cannot be read"))
		}
		node, err := fields[2].ToArray()
		if err != nil || len(node) < 3 {
			return nil, 0, errors.Join(err, errors.New("an answer of CLUSTER SLOTS without a primary"))
		}
		from, _ := fields[0].AsInt64()
		to, _ := fields[1].AsInt64()
		host, _ := node[0].ToString()
		port, _ := node[1].AsInt64()
		all = append(all, slots{from, to, net.JoinHostPort(host, strconv.FormatInt(port, 10))})
	}
	slices.SortFunc(all, func(a, b slots) int { return cmp.Compare(a.from, b.from) })
	h := fnv.New64a()
	known := st.client.Nodes()
	var primaries []rueidis.Client
	var seen []string
	for _, s := range all {
		fmt.Fprintln(h, s.from, s.to, s.primary)
		if slices.Contains(seen, s.primary) {
			continue
		}
		seen = append(seen, s.primary)
		node, ok := known[s.primary]
		if !ok {
			return nil, 0, fmt.Errorf("the client does not know the primary %s yet", s.primary)
		}
		primaries = append(primaries, node)
	}
	return primaries, h.Sum64(), nil
}

var errCursor = errors.New("redisstore: list: a cursor that is none of this store's")

// text is the cursor's. What SCAN has answered beyond a page goes along: it cannot be asked for again.
func (p position) text() string {
	if p.end {
		return ""
	}
	b := binary.BigEndian.AppendUint64(nil, p.slots)
	b = binary.BigEndian.AppendUint32(b, p.node)
	b = binary.BigEndian.AppendUint64(b, p.scan)
	for _, id := range p.left {
		b = append(b, id[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePosition(text string) (position, error) {
	const fixed = 8 + 4 + 8
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < fixed || (len(b)-fixed)%len(sojourn.ID{}) != 0 {
		return position{}, errCursor
	}
	p := position{slots: binary.BigEndian.Uint64(b), node: binary.BigEndian.Uint32(b[8:]), scan: binary.BigEndian.Uint64(b[12:])}
	for rest := b[fixed:]; len(rest) > 0; rest = rest[len(sojourn.ID{}):] {
		p.left = append(p.left, sojourn.ID(rest))
	}
	return p, nil
}
