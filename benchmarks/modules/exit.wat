;; Ends at once with exit code 0: a container of a Job.
(module
  (memory (export "memory") 1)
  (func (export "_start")))
