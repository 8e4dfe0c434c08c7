module cortexctl/bench/s3stub

go 1.24
