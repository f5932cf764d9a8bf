package engine

import (
	"context"

	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

func openRedis(ctx context.Context, a address, _ string) (*Store, error) {
	st, err := redisstore.Open(ctx, a.text, redisstore.Config{})
	if err != nil {
		return nil, err
	}
	return &Store{Sessions: st, Check: st.Check, close: st.Close}, nil
}
