package sqlitestore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// BenchmarkStore measures each operation on a file with 10 000 other sessions, for small and large values.
func BenchmarkStore(b *testing.B) {
	for _, size := range []int{300, 4096} {
		st, _ := open(b, nil)
		s := visitor("n", "0", "text", `"`+strings.Repeat("x", size)+`"`)
		for range 10_000 {
			save(b, st, s)
		}
		ctx := b.Context()
		key := save(b, st, s)
		name := func(op string) string { return fmt.Sprintf("%s/%d", op, size) }

		b.Run(name("load"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := st.Load(ctx, key); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name("load-parallel"), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := st.Load(ctx, key); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
		b.Run(name("save"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				save(b, st, s)
			}
		})
		b.Run(name("login"), func(b *testing.B) {
			b.ReportAllocs()
			login := member("ada", start)
			for b.Loop() {
				key := save(b, st, login)
				if _, err := st.TrimSubject(ctx, "app", "ada", 3, key.ID()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name("update"), func(b *testing.B) {
			b.ReportAllocs()
			loaded := load(b, st, key)
			for b.Loop() {
				if _, err := st.Update(ctx, key, loaded, time.Hour); err != nil {
					b.Fatal(err)
				}
				loaded.Version++
			}
		})
		b.Run(name("patch"), func(b *testing.B) {
			b.ReportAllocs()
			set := values("n", "1")
			for b.Loop() {
				if err := st.Patch(ctx, key, sojourn.Patch{Set: set}, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name("touch"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := st.UpdateTTL(ctx, key, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name("delete"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := st.Delete(ctx, sojourn.NewID().Key()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
