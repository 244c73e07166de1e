// The control plane for tests: etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
// metrics-server, kubectl and an OCI distribution registry in one multicall binary (chosen by argv[0]).
// Built by test/cluster/build.ts and cached outside the checkout.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	metrics "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	var cmd *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-apiserver":
		cmd = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		cmd = kcm.NewControllerManagerCommand()
	case "kube-scheduler":
		cmd = scheduler.NewSchedulerCommand()
	case "metrics-server":
		cmd = metrics.NewMetricsServerCommand(genericapiserver.SetupSignalHandler())
	case "kubectl":
		cmd = kubectl.NewDefaultKubectlCommand()
	case "registry":
		// Not by cli.Run: its flag -v is the registry's too.
		if registry.RootCmd.Execute() != nil {
			os.Exit(1)
		}
		return
	case "etcd":
		etcdmain.Main(os.Args)
		return
	default:
		fmt.Fprintf(os.Stderr, "%s: link this binary as etcd, kube-apiserver, kube-controller-manager, kube-scheduler, metrics-server, kubectl or registry\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(cmd))
}
