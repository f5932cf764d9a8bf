module github.com/sojourn-go/sojourn

go 1.25.1
