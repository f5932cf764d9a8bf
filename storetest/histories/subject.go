package histories

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
)

const (
	opLogin  = "login"          // Save with the subject
	opEnter  = "enter"          // Save of a visitor's session, then Update to the subject: the Update is the call
	opList   = "list"           // ListSubject
	opRevoke = "revoke"         // DeleteSubject
	opTrim   = "trim"           // TrimSubject
	opEnd    = "end"            // Delete of one session
	newFrom  = 1_000_000_000    // logins from this rank on are later than every mark
	rankStep = time.Millisecond // between two ranks
)

// A session is known by its rank: the order of Authenticated, different for each login of a history. Ranks below newFrom
// are earlier than every mark, the others later.
type subjectInput struct {
	op   string
	rank int // of a login, of the session to end, to keep or to spare; 0 for none
	n    int // of a trim
}

type subjectOutput struct {
	answer answer
	ranks  ranks // listed, or trimmed
	n      int   // revoked
}

type subjectState struct {
	marked bool
	live   ranks
}

// Subjects runs histories of clients that log in, list, trim and revoke one subject.
func Subjects(t testing.TB, newStore func(tb testing.TB) sojourn.Store, opts Options) Totals {
	t.Helper()
	opts = opts.withDefaults(t)
	handles := nodes(t, newStore)
	if index, ok := sojourn.As[sojourn.SubjectIndex](handles[0]); !ok {
		t.Skip("the store has no SubjectIndex")
	} else if _, err := index.ListSubject(t.Context(), "histories", "nobody"); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the store has no SubjectIndex")
	}
	f := &teller{t: t}
	totals := until(t, opts, func(seed uint64) Totals { return subjectHistory(f, handles, opts, seed) })
	t.Logf("subjects from seed %d: %v", opts.Seed, totals)
	return totals
}

// people is what the clients of one history share.
type people struct {
	realm, subject string
	base           time.Time // the time of rank 0
	later          time.Time // the time of rank newFrom

	mu    sync.Mutex
	next  int
	ranks map[sojourn.ID]int
	keys  map[int]sojourn.Key
	// visitors are sessions that may have stayed without the subject.
	visitors []sojourn.Key
}

func subjectHistory(f *teller, handles [2]sojourn.Store, opts Options, seed uint64) Totals {
	ctx := f.t.Context()
	now := time.Now()
	if opts.Clock != nil {
		now = opts.Clock.Now()
	}
	now = now.UTC().Truncate(rankStep)
	p := &people{
		realm: "histories", subject: sojourn.NewID().String(),
		base: now.Add(-time.Hour), later: now.Add(time.Hour), ranks: make(map[sojourn.ID]int), keys: make(map[int]sojourn.Key),
	}
	r := &recording{began: time.Now()}
	var clients sync.WaitGroup
	for i := range opts.Clients {
		known := &noting{handles[i%2], p}
		st := storetest.NewFaulty(known, storetest.Sometimes(opts.Faults, seed+uint64(i), errLost, storetest.AfterCall(errLost)))
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		clients.Go(func() { p.client(ctx, st, r, i, opts.Calls, random) })
	}
	clients.Wait()

	calls, totals := r.known(func(input any) bool { return input.(subjectInput).op == opList })
	for i, op := range calls {
		// Whose an ID is may have been known only after it was trimmed.
		if raw, ok := op.Output.(rawOutput); ok {
			calls[i].Output = p.output(raw)
		}
	}
	model := subjectModel()
	switch porcupine.CheckOperationsTimeout(model, calls, checkLimit) {
	case porcupine.Unknown:
		totals.Unchecked++
	case porcupine.Illegal:
		totals.Violations++
		f.tell(seed, func() string { return noOrder + explain(model, calls) })
	}
	index, _ := sojourn.As[sojourn.SubjectIndex](handles[0])
	index.DeleteSubject(ctx, p.realm, p.subject, sojourn.ID{})
	for _, visitor := range p.visitors {
		handles[0].Delete(ctx, visitor)
	}
	return totals
}

// noting remembers the ID of each session that was saved, also if the acknowledgement is lost above it.
type noting struct {
	sojourn.Store
	people *people
}

func (n *noting) Unwrap() sojourn.Store { return n.Store }

func (n *noting) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := n.Store.Save(ctx, state, ttl)
	if err == nil {
		n.people.note(key, n.people.rank(state.Facts.Authenticated))
	}
	return key, err
}

func (p *people) note(key sojourn.Key, rank int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ranks[key.ID()], p.keys[rank] = rank, key
}

func (p *people) rank(at time.Time) int {
	if !at.Before(p.later) {
		return newFrom + int(at.Sub(p.later)/rankStep)
	}
	return int(at.Sub(p.base) / rankStep)
}

func (p *people) at(rank int) time.Time {
	if rank >= newFrom {
		return p.later.Add(time.Duration(rank-newFrom) * rankStep)
	}
	return p.base.Add(time.Duration(rank) * rankStep)
}

// rawOutput has IDs where subjectOutput has ranks.
type rawOutput struct {
	answer answer
	ids    []sojourn.ID
	sorted bool // the order of ids does not count
	n      int
}

func (p *people) output(raw rawOutput) subjectOutput {
	ranks := make([]int, 0, len(raw.ids))
	for _, id := range raw.ids {
		ranks = append(ranks, p.ranks[id])
	}
	if !raw.sorted {
		slices.SortFunc(ranks, func(a, b int) int { return b - a })
	}
	return subjectOutput{raw.answer, pile(ranks...), raw.n}
}

func (p *people) client(ctx context.Context, st sojourn.Store, r *recording, client, calls int, random *rand.Rand) {
	index, _ := sojourn.As[sojourn.SubjectIndex](st)
	const ttl = time.Hour
	var mine int // the rank of the last login of this client
	for range calls {
		in := subjectInput{op: opList}
		p.mu.Lock()
		p.next++
		rank := p.next*8 + 1 + random.IntN(8)
		p.mu.Unlock()
		if random.IntN(3) > 0 {
			rank += newFrom
		}
		switch q := random.IntN(100); {
		case q < 30:
		case q < 50:
			in.op, in.rank = opLogin, rank
		case q < 65:
			in.op, in.rank = opEnter, rank
		case q < 80:
			in.op, in.n, in.rank = opTrim, 1+random.IntN(3), mine
		case q < 92 && mine != 0:
			in.op, in.rank = opEnd, mine
		case q < 96:
			in.op, in.rank = opRevoke, mine
		default:
			in.op = opRevoke
		}
		var visitor sojourn.Key
		var state sojourn.State
		if in.op == opEnter {
			// What goes before the call is not part of the subject's history.
			var err error
			if visitor, err = st.Save(ctx, sojourn.State{Facts: sojourn.Facts{Realm: p.realm}}, ttl); err != nil {
				continue
			}
			if state, err = st.Load(ctx, visitor); err != nil {
				continue
			}
			p.note(visitor, in.rank)
		}
		err := r.call(client, in, func() (any, error) { return p.do(ctx, st, index, in, visitor, state, ttl) })
		if in.op == opEnter && err != nil {
			p.mu.Lock()
			p.visitors = append(p.visitors, visitor)
			p.mu.Unlock()
		}
		if (in.op == opLogin || in.op == opEnter) && err == nil {
			mine = in.rank
		}
	}
}

func (p *people) do(ctx context.Context, st sojourn.Store, index sojourn.SubjectIndex, in subjectInput, visitor sojourn.Key, state sojourn.State, ttl time.Duration) (any, error) {
	facts := sojourn.Facts{Realm: p.realm, Subject: p.subject, Authenticated: p.at(in.rank), Generation: 1}
	p.mu.Lock()
	named := p.keys[in.rank]
	p.mu.Unlock()
	var err error
	out := rawOutput{}
	switch in.op {
	case opLogin:
		_, err = st.Save(ctx, sojourn.State{Facts: facts}, ttl)
	case opEnter:
		state.Facts = facts
		_, err = st.Update(ctx, visitor, state, ttl)
	case opList:
		var entries []sojourn.Entry
		entries, err = index.ListSubject(ctx, p.realm, p.subject)
		for _, entry := range entries {
			out.ids = append(out.ids, entry.ID)
		}
		out.sorted = true
	case opTrim:
		out.ids, err = index.TrimSubject(ctx, p.realm, p.subject, in.n, named.ID())
	case opRevoke:
		out.n, err = index.DeleteSubject(ctx, p.realm, p.subject, named.ID())
	case opEnd:
		err = st.Delete(ctx, named)
	}
	out.answer = outcome(err)
	return out, err
}

func subjectModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return subjectState{} },
		Step: func(state, input, output any) (bool, any) {
			want, next := subjectEffect(state.(subjectState), input.(subjectInput))
			out, known := output.(subjectOutput)
			if known && out != want {
				return false, state
			}
			return true, next
		},
		DescribeState: func(state any) string {
			s := state.(subjectState)
			text := fmt.Sprintf("sessions %v", s.live.list())
			if s.marked {
				text += fmt.Sprintf(", and a mark that refuses logins below %d", newFrom)
			}
			return text
		},
		DescribeOperation: func(input, output any) string {
			in := input.(subjectInput)
			text := in.op
			if in.op == opTrim {
				text += fmt.Sprintf(" to %d", in.n)
			}
			switch in.op {
			case opLogin, opEnter, opEnd:
				text += fmt.Sprintf(" of %d", in.rank)
			case opRevoke, opTrim:
				if in.rank != 0 {
					text += fmt.Sprintf(" but %d", in.rank)
				}
			}
			out, ok := output.(subjectOutput)
			if !ok {
				return text + ": no answer"
			}
			text += ": " + string(out.answer)
			switch in.op {
			case opList, opTrim:
				text += fmt.Sprintf(", %v", out.ranks.list())
			case opRevoke:
				text += fmt.Sprintf(", %d ended", out.n)
			}
			return text
		},
	}
}

// subjectEffect is the contract for the sessions of one subject.
func subjectEffect(s subjectState, in subjectInput) (subjectOutput, subjectState) {
	out := subjectOutput{answer: done}
	switch in.op {
	case opLogin, opEnter:
		if s.marked && in.rank < newFrom {
			out.answer = ended
			return out, s
		}
		s.live = s.live.with(in.rank)
	case opList:
		out.ranks = s.live
	case opRevoke:
		s.marked = true
		kept := ranks("")
		if s.live.has(in.rank) {
			kept = pile(in.rank)
		}
		out.n, s.live = s.live.len()-kept.len(), kept
	case opTrim:
		for i := s.live.len() - 1; i >= 0 && s.live.len() > in.n; i-- {
			if oldest := s.live.at(i); oldest != in.rank {
				out.ranks = out.ranks.with(oldest)
				s.live = s.live.without(i)
			}
		}
	case opEnd:
		if i := s.live.index(in.rank); i >= 0 {
			s.live = s.live.without(i)
		}
	}
	return out, s
}
