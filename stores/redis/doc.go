// Package redisstore keeps Sojourn's sessions in Redis or Valkey.
package redisstore
