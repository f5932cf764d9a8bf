module github.com/sojourn-go/sojourn/docs/examples/filestore

go 1.25.1

require github.com/sojourn-go/sojourn v0.0.0

replace github.com/sojourn-go/sojourn => ../../..
