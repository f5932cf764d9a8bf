package histories

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
)

const (
	opLoad   = "load"
	opUpdate = "update"
	opRenew  = "renew" // an Update with the next generation
	opPatch  = "patch"
	opCount  = "count" // a Patch that expects what it saw
	opClear  = "clear"
	opTouch  = "touch"
	opDelete = "delete"
)

type sessionInput struct {
	op      string
	version uint64        // of an Update
	state   sojourn.State // of an Update: generation and values
	patch   sojourn.Patch
}

type sessionOutput struct {
	answer     answer
	version    uint64 // of a Load, with what follows
	generation uint32
	values     sojourn.Values
}

// sessionState is the model's: comparable, as porcupine wants it.
type sessionState struct {
	alive      bool
	generation uint32
	values     sojourn.Values
	version    uint64 // 0 until a Load has told it
}

// Sessions runs histories of clients that share one session.
func Sessions(t testing.TB, newStore func(tb testing.TB) sojourn.Store, opts Options) Totals {
	t.Helper()
	opts = opts.withDefaults(t)
	handles := nodes(t, newStore)
	f := &teller{t: t}
	totals := until(t, opts, func(seed uint64) Totals { return sessionHistory(f, handles, opts, seed) })
	t.Logf("sessions from seed %d: %v", opts.Seed, totals)
	return totals
}

func sessionHistory(f *teller, handles [2]sojourn.Store, opts Options, seed uint64) Totals {
	ctx := f.t.Context()
	first := sessionState{alive: true, generation: 1, values: pack("n", "0", "seed", strconv.FormatUint(seed, 10))}
	start := sojourn.State{
		Facts:  sojourn.Facts{Realm: "histories", Created: time.Now(), Generation: first.generation},
		Values: first.values,
	}
	key, err := handles[0].Save(ctx, start, time.Hour)
	if err != nil {
		f.t.Errorf("Save: %v", err)
		return Totals{}
	}
	r := &recording{began: time.Now()}
	var clients sync.WaitGroup
	for i := range opts.Clients {
		st := storetest.NewFaulty(handles[i%2], storetest.Sometimes(opts.Faults, seed+uint64(i), errLost, storetest.AfterCall(errLost)))
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		clients.Go(func() { sessionClient(ctx, st, key, start, r, i, opts.Calls, random) })
	}
	clients.Wait()

	calls, totals := r.known(func(input any) bool {
		op := input.(sessionInput).op
		return op == opLoad || op == opTouch
	})
	model := sessionModel(first)
	switch porcupine.CheckOperationsTimeout(model, calls, checkLimit) {
	case porcupine.Unknown:
		totals.Unchecked++
	case porcupine.Illegal:
		totals.Violations++
		f.tell(seed, func() string { return noOrder + explain(model, calls) })
	}
	if text := versionOfTwo(calls); text != "" {
		totals.Violations++
		f.tell(seed, func() string { return text })
	}
	handles[0].Delete(ctx, key)
	return totals
}

// sessionClient makes calls, each on what the one before has shown.
func sessionClient(ctx context.Context, st sojourn.Store, key sojourn.Key, seen sojourn.State, r *recording, client, calls int, random *rand.Rand) {
	patcher, canPatch := sojourn.As[sojourn.Patcher](st)
	const ttl = time.Hour
	for n := range calls {
		in := sessionInput{op: opLoad}
		unique := fmt.Sprintf("%d-%d", client, n)
		switch p := random.IntN(100); {
		case p < 35 || seen.Version == 0:
		case p < 50:
			in.op, in.version, in.state = opUpdate, seen.Version, seen
			in.state.Values = pack("n", seen.Values.Get("n"), "by", strconv.Quote(unique))
		case p < 56:
			in.op, in.version, in.state = opRenew, seen.Version, seen
			in.state.Facts.Generation++
		case p < 70 && canPatch:
			in.op, in.patch = opPatch, sojourn.Patch{Generation: seen.Facts.Generation, Set: pack("by "+strconv.Itoa(client), strconv.Quote(unique))}
		case p < 85 && canPatch:
			old := seen.Values.Get("n")
			in.op, in.patch = opCount, sojourn.Patch{
				Generation: seen.Facts.Generation, Expect: pack("n", old), Set: pack("n", strconv.Itoa(len(old)*1000+client*100+n)),
			}
		case p < 89 && canPatch:
			in.op, in.patch = opClear, sojourn.Patch{Generation: seen.Facts.Generation, Clear: true, Keep: []string{"n"}}
		case p < 98:
			in.op = opTouch
		default:
			in.op = opDelete
		}
		r.call(client, in, func() (any, error) {
			var err error
			out := sessionOutput{}
			switch in.op {
			case opLoad:
				var state sojourn.State
				if state, err = st.Load(ctx, key); err == nil {
					seen = state
					out.version, out.generation, out.values = state.Version, state.Facts.Generation, state.Values
				}
			case opUpdate, opRenew:
				_, err = st.Update(ctx, key, in.state, ttl)
			case opPatch, opCount, opClear:
				err = patcher.Patch(ctx, key, in.patch, ttl)
			case opTouch:
				err = st.UpdateTTL(ctx, key, ttl)
			case opDelete:
				err = st.Delete(ctx, key)
			}
			out.answer = outcome(err)
			return out, err
		})
	}
}

func sessionModel(first sessionState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, output any) (bool, any) {
			return sessionStep(state.(sessionState), input.(sessionInput), output)
		},
		DescribeState: func(state any) string {
			s := state.(sessionState)
			if !s.alive {
				return "no session"
			}
			version := "a version that nobody has seen"
			if s.version != 0 {
				version = fmt.Sprintf("version %d", s.version)
			}
			return version + ", " + describe(s.generation, s.values)
		},
		DescribeOperation: func(input, output any) string {
			in := input.(sessionInput)
			text := in.op
			switch in.op {
			case opUpdate, opRenew:
				text += fmt.Sprintf(" of version %d to %s", in.version, describe(in.state.Facts.Generation, in.state.Values))
			case opPatch, opCount, opClear:
				text += fmt.Sprintf(" of generation %d, expecting %s, setting %s", in.patch.Generation, texts(in.patch.Expect), texts(in.patch.Set))
			}
			out, ok := output.(sessionOutput)
			if !ok {
				return text + ": no answer"
			}
			text += ": " + string(out.answer)
			if in.op == opLoad && out.answer == done {
				text += fmt.Sprintf(", version %d, %s", out.version, describe(out.generation, out.values))
			}
			return text
		},
	}
}

// sessionStep is the contract for one session: whether output is what the call answers in state, and the state after it.
func sessionStep(s sessionState, in sessionInput, output any) (bool, sessionState) {
	want, next := effect(s, in)
	out, known := output.(sessionOutput)
	if !known {
		return true, next
	}
	if out.answer != want {
		return false, s
	}
	if in.op == opLoad && want == done {
		if out.version == 0 || out.generation != s.generation || out.values != s.values || s.version != 0 && out.version != s.version {
			return false, s
		}
		next.version = out.version
	}
	return true, next
}

// effect is what a call answers and leaves.
func effect(s sessionState, in sessionInput) (answer, sessionState) {
	if in.op == opDelete {
		return done, sessionState{}
	}
	if !s.alive {
		return gone, s
	}
	switch in.op {
	case opUpdate, opRenew:
		// A version that no Load has told since the last change is one that this call cannot have.
		if in.version != s.version {
			return conflict, s
		}
		return done, sessionState{alive: true, generation: in.state.Facts.Generation, values: in.state.Values}
	case opPatch, opCount, opClear:
		stored := sojourn.State{Facts: sojourn.Facts{Generation: s.generation}, Values: s.values}
		changed, err := stored.With(in.patch)
		if err != nil {
			return outcome(err), s
		}
		return done, sessionState{alive: true, generation: s.generation, values: changed.Values}
	}
	return done, s
}

// versionOfTwo looks for what the model does not know: a version that stands for two states. It returns "" if there is none.
func versionOfTwo(calls []porcupine.Operation) string {
	type content struct {
		generation uint32
		values     sojourn.Values
	}
	seen := make(map[uint64]content)
	for _, op := range calls {
		out, ok := op.Output.(sessionOutput)
		if !ok || op.Input.(sessionInput).op != opLoad || out.answer != done {
			continue
		}
		now := content{out.generation, out.values}
		if before, ok := seen[out.version]; ok && before != now {
			return fmt.Sprintf("version %d is %s and %s", out.version,
				describe(before.generation, before.values), describe(now.generation, now.values))
		}
		seen[out.version] = now
	}
	return ""
}

// pack packs names and texts, given in turn.
func pack(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

func describe(generation uint32, v sojourn.Values) string {
	return fmt.Sprintf("generation %d, %s", generation, texts(v))
}

func texts(v sojourn.Values) string {
	text := "{"
	for name, value := range v.All() {
		text += fmt.Sprintf(" %s=%s", name, value)
	}
	return text + " }"
}
