module completions {

  def "nu-complete windlass provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass output" [] {
    [ "table" "json" "yaml" ]
  }

  # Raises a Kubernetes platform on AWS, Azure, Google Cloud or Kind, and lets it down again without leaving anything behind
  export extern windlass [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    --version(-V)             # Print version
  ]

  def "nu-complete windlass setup place" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass setup provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass setup output" [] {
    [ "table" "json" "yaml" ]
  }

  # Create a cluster and raise the platform on it
  export extern "windlass setup" [
    --kubernetes-version: string # The Kubernetes version, such as 1.36.1 [default: the provider's]
    --min-nodes: string       # At least so many nodes; on Kind, exactly so many [default: 1]
    --nodes: string           # At least so many nodes; on Kind, exactly so many [default: 1]
    --max-nodes: string       # At most so many nodes
    --node-size: string       # How large a node is: small, medium or large
    --lifetime: string        # How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards
    --http-port: string       # The port of this machine that leads to the ingress controller's http; 0: none [Kind; default: 80]
    --https-port: string      # The port of this machine that leads to the ingress controller's https; 0: none [Kind; default: 443]
    --image: string           # The node image [Kind; default: kind's own]
    --engine: string          # The container engine: docker, podman or nerdctl [Kind; default: the first that answers]
    --create-project          # Make the project too, under the name of --project or one that is made up; it goes with the cluster [Google Cloud]
    --billing-account: string # Who pays for a project that is made [Google Cloud; default: the only billing account that is open]
    --flux-manifest: string   # Flux's manifest, for networks without the internet
    --only: string            # Only these components, and what they need
    --without: string         # All components but these
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass setup provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass setup output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    place?: string@"nu-complete windlass setup place" # Where the cluster runs; asked for on a terminal
  ]

  def "nu-complete windlass destroy place" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass destroy keep" [] {
    [ "project" "group" "volumes" "logs" ]
  }

  def "nu-complete windlass destroy provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass destroy output" [] {
    [ "table" "json" "yaml" ]
  }

  # Let a cluster and its platform down again, and print a receipt
  export extern "windlass destroy" [
    --yes(-y)                 # Do not ask
    --receipt: path           # Also write the receipt, or what stands in its place, as JSON into this file; with --all or --expired, one for each cluster into this folder
    --all                     # Every cluster that windlass made, at every provider that this machine has access to, or at PROVIDER
    --expired                 # Every such cluster whose lifetime is over, by ten minutes since clocks differ: for a reaper. One without a lifetime is left alone
    --all-regions             # Look in all regions of each cloud, not only in those that are configured; Kind has none
    --skip-drain              # Do not delete what objects in the cluster hold in a cloud (databases, load balancers, disks): each is named, goes on existing and costing, and is left behind (exit code 5)
    --abandon                 # Give up what is stuck for two minutes: its finalizers are removed, and what they guard is named, goes on existing and costing, and is left behind (exit code 5)
    --keep: string@"nu-complete windlass destroy keep" # Keep these on purpose: disks of volumes, and what windlass made around the cluster
    --keep-group              # The same as --keep group
    --purge                   # Purge the cluster's key vaults that are deleted and could still be recovered [Azure]; without it they are named and kept
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass destroy provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass destroy output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    place?: string@"nu-complete windlass destroy place" # Where the cluster runs
  ]

  def "nu-complete windlass install strict_mtls" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass install db_provider" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass install app_config" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass install db_config" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass install policies" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass install cluster_admin" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass install provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass install output" [] {
    [ "table" "json" "yaml" ]
  }

  # Install components, with what they need; without a name, list them
  export extern "windlass install" [
    --version: string         # Its version [default: windlass.toml's, or the one that windlass pins]
    --values(-f): path        # A YAML file of values for its chart, laid over windlass.toml's; - is standard input; several: the later ones win
    --set: string             # A value, as Helm takes it: a.b=c, list[0]=x, list={x,y}, key=null to remove it; a\.b for a dot in a name
    --set-string: string      # The same, and the value stays a string
    --set-secret: string      # A secret value, by the variable of the environment that holds it; it is written nowhere but into the cluster
    --namespace: string       # The namespace for it [default: windlass.toml's, or the component's own]
    --export                  # Print the objects that would be applied, and do nothing
    --wait                    # Wait until what is installed is ready: the default
    --no-wait                 # Do not wait until it is ready; what it needs is waited for
    --flux-manifest: path     # Flux's manifest, for networks without the internet
    --subscription: string    # The subscription that it works in
    --tenant: string          # The tenant of its identity
    --client-id: string       # The client id of its identity: a managed identity on AKS, a service principal elsewhere
    --client-secret: string   # The variable of the environment that holds the service principal's secret
    --credentials-in: string  # The namespaces that the identity is for, one credential each [default: one for all]
    --crd-pattern: string     # The groups of kinds to install, such as storage.azure.com/*
    --sync-period: string     # How often what is in Azure is compared again [default: never]
    --issuer: string          # Issuers of Let's Encrypt: staging, production or both, as ClusterIssuers letsencrypt-staging and letsencrypt
    --email: string           # Whom Let's Encrypt writes to
    --solver: string          # How names are proven: http01 through an ingress controller, or dns01 through the DNS of the cluster's cloud [default: http01]
    --ingress-class: string   # The class of Ingresses that prove names over http [default: traefik]
    --dns-region: string      # The region that Route 53 is asked in [AWS]
    --dns-project: string     # The project of the zone [Google Cloud]
    --dns-subscription: string # The subscription of the zone [Azure]
    --dns-resource-group: string # The resource group of the zone [Azure]
    --dns-zone: string        # The zone [Azure]
    --dns-identity: string    # The client id of the identity that may write to the zone [Azure]
    --dns-provider: string    # Who serves the zones [default: the cluster's cloud; on Kind, nobody]
    --domain: string          # The domains that it may write to [default: all that it finds]
    --zone-resource-group: string # The resource group of its zones in Azure [default: the cluster's]
    --owner: string           # Whose the records are [default: the cluster's name]
    --policy: string          # What it may do with records: create-only, upsert-only or sync [default: upsert-only]
    --revision: string        # The revision of the control plane, which namespaces choose by their label istio.io/rev
    --strict-mtls: string@"nu-complete windlass install strict_mtls" # Nothing but mutual TLS within the mesh
    --cloud: string           # The cloud that it makes things in: aws, azure, google or none [default: the cluster's own; on Kind, none]
    --db-provider: string@"nu-complete windlass install db_provider" # The providers of the cloud's databases [default: with a cloud]
    --app-config: string@"nu-complete windlass install app_config" # The configuration of applications, dot-application [default: with a cloud]
    --db-config: string@"nu-complete windlass install db_config" # The configuration of databases, dot-sql [default: false]
    --policies: string@"nu-complete windlass install policies" # Admit only applications that scale, to more than one replica [default: false]
    --cluster-admin: string@"nu-complete windlass install cluster_admin" # Let its helm and kubernetes providers do everything in the cluster, and not only what the configurations need
    --activate: string        # Kinds of managed resources to activate besides those that the packages here use, such as *.s3.aws.m.upbound.io
    --identity: string        # What its providers are in the cloud: a role's ARN, the client id of a managed identity, or a service account
    --tenant-id: string       # Azure's tenant
    --subscription-id: string # Azure's subscription
    --project-id: string      # Google's project
    --google-project-id: string # Google's project
    --credentials: string     # The variable of the environment that holds the cloud's credentials, as its providers take them; on Kind only
    --github-config: string
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass install provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass install output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    ...components: string     # What to install; without one: list what there is, and what is installed; ingress is traefik
  ]

  def "nu-complete windlass upgrade strict_mtls" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass upgrade db_provider" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass upgrade app_config" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass upgrade db_config" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass upgrade policies" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass upgrade cluster_admin" [] {
    [ "true" "false" ]
  }

  def "nu-complete windlass upgrade provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass upgrade output" [] {
    [ "table" "json" "yaml" ]
  }

  # Bring installed components to another version or other values, having shown what changes
  export extern "windlass upgrade" [
    --all                     # All that windlass installed
    --version: string         # Its version [default: windlass.toml's, or the one that windlass pins]
    --values(-f): path        # A YAML file of values for its chart, laid over windlass.toml's; - is standard input; several: the later ones win
    --set: string             # A value, as Helm takes it: a.b=c, list[0]=x, list={x,y}, key=null to remove it; a\.b for a dot in a name
    --set-string: string      # The same, and the value stays a string
    --set-secret: string      # A secret value, by the variable of the environment that holds it; it is written nowhere but into the cluster
    --subscription: string    # The subscription that it works in
    --tenant: string          # The tenant of its identity
    --client-id: string       # The client id of its identity: a managed identity on AKS, a service principal elsewhere
    --client-secret: string   # The variable of the environment that holds the service principal's secret
    --credentials-in: string  # The namespaces that the identity is for, one credential each [default: one for all]
    --crd-pattern: string     # The groups of kinds to install, such as storage.azure.com/*
    --sync-period: string     # How often what is in Azure is compared again [default: never]
    --issuer: string          # Issuers of Let's Encrypt: staging, production or both, as ClusterIssuers letsencrypt-staging and letsencrypt
    --email: string           # Whom Let's Encrypt writes to
    --solver: string          # How names are proven: http01 through an ingress controller, or dns01 through the DNS of the cluster's cloud [default: http01]
    --ingress-class: string   # The class of Ingresses that prove names over http [default: traefik]
    --dns-region: string      # The region that Route 53 is asked in [AWS]
    --dns-project: string     # The project of the zone [Google Cloud]
    --dns-subscription: string # The subscription of the zone [Azure]
    --dns-resource-group: string # The resource group of the zone [Azure]
    --dns-zone: string        # The zone [Azure]
    --dns-identity: string    # The client id of the identity that may write to the zone [Azure]
    --dns-provider: string    # Who serves the zones [default: the cluster's cloud; on Kind, nobody]
    --domain: string          # The domains that it may write to [default: all that it finds]
    --zone-resource-group: string # The resource group of its zones in Azure [default: the cluster's]
    --owner: string           # Whose the records are [default: the cluster's name]
    --policy: string          # What it may do with records: create-only, upsert-only or sync [default: upsert-only]
    --revision: string        # The revision of the control plane, which namespaces choose by their label istio.io/rev
    --strict-mtls: string@"nu-complete windlass upgrade strict_mtls" # Nothing but mutual TLS within the mesh
    --cloud: string           # The cloud that it makes things in: aws, azure, google or none [default: the cluster's own; on Kind, none]
    --db-provider: string@"nu-complete windlass upgrade db_provider" # The providers of the cloud's databases [default: with a cloud]
    --app-config: string@"nu-complete windlass upgrade app_config" # The configuration of applications, dot-application [default: with a cloud]
    --db-config: string@"nu-complete windlass upgrade db_config" # The configuration of databases, dot-sql [default: false]
    --policies: string@"nu-complete windlass upgrade policies" # Admit only applications that scale, to more than one replica [default: false]
    --cluster-admin: string@"nu-complete windlass upgrade cluster_admin" # Let its helm and kubernetes providers do everything in the cluster, and not only what the configurations need
    --activate: string        # Kinds of managed resources to activate besides those that the packages here use, such as *.s3.aws.m.upbound.io
    --identity: string        # What its providers are in the cloud: a role's ARN, the client id of a managed identity, or a service account
    --tenant-id: string       # Azure's tenant
    --subscription-id: string # Azure's subscription
    --project-id: string      # Google's project
    --google-project-id: string # Google's project
    --credentials: string     # The variable of the environment that holds the cloud's credentials, as its providers take them; on Kind only
    --github-config: string
    --namespace: string       # The namespace that it is in: it cannot move
    --export                  # Print the objects that would be applied, and do nothing
    --reuse-values            # Begin from the values that are installed, and not from windlass.toml's
    --wait                    # Wait until what is upgraded is ready: the default
    --no-wait                 # Do not wait until it is ready
    --flux-manifest: path     # Flux's manifest, for networks without the internet
    --yes(-y)                 # Do not ask
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass upgrade provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass upgrade output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    ...components: string     # What to upgrade; ingress is traefik
  ]

  def "nu-complete windlass uninstall provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass uninstall output" [] {
    [ "table" "json" "yaml" ]
  }

  # Take components out of a cluster that stays. Nothing that somebody else installed is touched
  export extern "windlass uninstall" [
    --purge                   # Remove its CRDs, all objects of their kinds, and its namespace with its volumes, too
    --force                   # Uninstall although others need it or objects of its CRDs live
    --yes(-y)                 # Do not ask
    --version: string         # The version that is installed: another is left alone
    --namespace: string       # The namespace that it is in: in another it is left alone
    --export                  # Print the objects that would go, as they are in the cluster, and remove nothing; Secrets are only named
    --wait                    # Wait until it is gone: the default
    --no-wait                 # Do not wait until it is gone; what goes before another is waited for
    --values(-f): path
    --set: string
    --set-string: string
    --set-secret: string
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass uninstall provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass uninstall output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    ...components: string     # What to uninstall; ingress is traefik
  ]

  def "nu-complete windlass status provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass status output" [] {
    [ "table" "json" "yaml" ]
  }

  # Show the cluster, its components, and what is not well (exit code 4)
  export extern "windlass status" [
    --watch                   # Go on looking, and show it again when it changes; ends on Ctrl-C
    --until-ready             # End the watch once all is ready
    --diff                    # Compare what is installed with windlass.toml, too: versions, values, what is missing and what is not wanted
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass status provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass status output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass crossplane provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass crossplane output" [] {
    [ "table" "json" "yaml" ]
  }

  # Wait for what Crossplane manages, delete it through Crossplane, or publish a package
  export extern "windlass crossplane" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass crossplane provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass crossplane output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass crossplane wait provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass crossplane wait output" [] {
    [ "table" "json" "yaml" ]
  }

  # Wait until claims, composites and managed resources are Ready; explain what is not
  export extern "windlass crossplane wait" [
    --timeout: string         # How long to wait
    --kind: string            # Only those of this kind, and what is made of them
    --object: string          # Only one of this name
    --namespace: string       # Only those in this namespace
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass crossplane wait provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass crossplane wait output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass crossplane drain provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass crossplane drain output" [] {
    [ "table" "json" "yaml" ]
  }

  # Delete claims, composites and managed resources, and wait until nothing of them is left in the cloud
  export extern "windlass crossplane drain" [
    --yes(-y)                 # Do not ask
    --kind: string            # Only those of this kind, and what is made of them
    --object: string          # Only one of this name
    --namespace: string       # Only those in this namespace
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass crossplane drain provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass crossplane drain output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass crossplane publish provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass crossplane publish output" [] {
    [ "table" "json" "yaml" ]
  }

  # Build a package of Crossplane and push it to a registry, by the programs kcl and crossplane
  export extern "windlass crossplane publish" [
    --sources: string         # The files in kcl/ that are made into files of the package, without .k
    --version: string         # The version, as in v1.0.0 [default: the variable VERSION]
    --account: string         # The account at xpkg.upbound.io [default: the variable UP_ACCOUNT]
    --repository: string      # Where it goes instead of xpkg.upbound.io/ACCOUNT/dot-PACKAGE
    --username: string        # Whose token is in the variable UP_TOKEN, to the registry: the access id of a robot, or a user
    --package-root: directory # The folder of the package
    --update: path            # The manifest whose spec.package becomes the new version; '': none [default: config.yaml, where there is one]
    --dry-run                 # Check everything and say what would be run, and do nothing
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass crossplane publish provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass crossplane publish output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    package: string           # The package, which becomes dot-PACKAGE at the registry
  ]

  def "nu-complete windlass ingress provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass ingress output" [] {
    [ "table" "json" "yaml" ]
  }

  # Say where the ingress controller is reached
  export extern "windlass ingress" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass ingress provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass ingress output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass ingress address class" [] {
    [ "traefik" "contour" "nginx" ]
  }

  def "nu-complete windlass ingress address provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass ingress address output" [] {
    [ "table" "json" "yaml" ]
  }

  # Print the address of the ingress controller, and write it into .env as INGRESS_IP and INGRESS_HOST
  export extern "windlass ingress address" [
    --class: string@"nu-complete windlass ingress address class" # Which ingress controller [default: the one that is installed]
    --wait                    # Wait until it is ready and has an address
    --timeout: string         # How long to wait
    --env-prefix: string      # What the names of the variables begin with, as in APP_INGRESS_IP
    --domain: string          # The domain below which INGRESS_HOST is: one whose names lead to the address in them [default: nip.io; sslip.io for IPv6]
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass ingress address provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass ingress address output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass gitops provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass gitops output" [] {
    [ "table" "json" "yaml" ]
  }

  # Keep a cluster in line with a Git repository
  export extern "windlass gitops" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass gitops provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass gitops output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass gitops sync provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass gitops sync output" [] {
    [ "table" "json" "yaml" ]
  }

  # Have Flux apply a folder of a Git repository, and keep to it; Flux comes along where it is missing
  export extern "windlass gitops sync" [
    --url: string             # The repository: https:// or ssh://, without credentials
    --branch: string          # The branch to follow [default: main]
    --tag: string             # The tag to stay at
    --commit: string          # The commit to stay at, all of its digits
    --path: string            # The folder in the repository [default: kubernetes]
    --interval: string        # How often Flux looks [default: 1m]
    --prune                   # Delete from the cluster what vanishes from Git: the default
    --no-prune                # Leave in the cluster what vanishes from Git
    --namespace: string       # The namespace of the GitRepository and the Kustomization [default: flux-system]
    --flux-manifest: path     # Flux's manifest, for networks without the internet
    --kubeconfig: path        # The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    --context: string         # The context in it [default: its current one]
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass gitops sync provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass gitops sync output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster output" [] {
    [ "table" "json" "yaml" ]
  }

  # Create, delete, list, show or change clusters. They are found by their marks, not by files on this machine
  export extern "windlass cluster" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster create place" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster create provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster create output" [] {
    [ "table" "json" "yaml" ]
  }

  # Create a cluster, with its kubeconfig and nothing on it; `windlass setup` raises the platform on it later
  export extern "windlass cluster create" [
    --kubernetes-version: string # The Kubernetes version, such as 1.36.1 [default: the provider's]
    --min-nodes: string       # At least so many nodes; on Kind, exactly so many [default: 1]
    --nodes: string           # At least so many nodes; on Kind, exactly so many [default: 1]
    --max-nodes: string       # At most so many nodes
    --node-size: string       # How large a node is: small, medium or large
    --lifetime: string        # How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards
    --http-port: string       # The port of this machine that leads to the ingress controller's http; 0: none [Kind; default: 80]
    --https-port: string      # The port of this machine that leads to the ingress controller's https; 0: none [Kind; default: 443]
    --image: string           # The node image [Kind; default: kind's own]
    --engine: string          # The container engine: docker, podman or nerdctl [Kind; default: the first that answers]
    --create-project          # Make the project too, under the name of --project or one that is made up; it goes with the cluster [Google Cloud]
    --billing-account: string # Who pays for a project that is made [Google Cloud; default: the only billing account that is open]
    --resume                  # Go on with the plan of the unfinished run, whatever the flags say now
    --replan                  # Leave the plan of the unfinished run, and make a new one
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster create provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster create output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    place?: string@"nu-complete windlass cluster create place" # Where the cluster runs; asked for on a terminal
  ]

  def "nu-complete windlass cluster delete place" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster delete keep" [] {
    [ "project" "group" "volumes" "logs" ]
  }

  def "nu-complete windlass cluster delete provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster delete output" [] {
    [ "table" "json" "yaml" ]
  }

  # Delete a cluster that windlass made, with all that is on it, and print a receipt
  export extern "windlass cluster delete" [
    --yes(-y)                 # Do not ask
    --receipt: path           # Also write the receipt, or what stands in its place, as JSON into this file; with --all or --expired, one for each cluster into this folder
    --all                     # Every cluster that windlass made, at every provider that this machine has access to, or at PROVIDER
    --expired                 # Every such cluster whose lifetime is over, by ten minutes since clocks differ: for a reaper. One without a lifetime is left alone
    --all-regions             # Look in all regions of each cloud, not only in those that are configured; Kind has none
    --skip-drain              # Do not delete what objects in the cluster hold in a cloud (databases, load balancers, disks): each is named, goes on existing and costing, and is left behind (exit code 5)
    --abandon                 # Give up what is stuck for two minutes: its finalizers are removed, and what they guard is named, goes on existing and costing, and is left behind (exit code 5)
    --keep: string@"nu-complete windlass cluster delete keep" # Keep these on purpose: disks of volumes, and what windlass made around the cluster
    --keep-group              # The same as --keep group
    --purge                   # Purge the cluster's key vaults that are deleted and could still be recovered [Azure]; without it they are named and kept
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster delete provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster delete output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    place?: string@"nu-complete windlass cluster delete place" # Where the cluster runs
  ]

  def "nu-complete windlass cluster list provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster list output" [] {
    [ "table" "json" "yaml" ]
  }

  # List the clusters that windlass made, wherever they run
  export extern "windlass cluster list" [
    --all                     # Those of other makers too
    --all-regions             # Look in all regions of each cloud, not only in those that are configured; Kind has none
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster list provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster list output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster show provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster show output" [] {
    [ "table" "json" "yaml" ]
  }

  # Show what a cluster is made of
  export extern "windlass cluster show" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster show provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster show output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster upgrade provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster upgrade output" [] {
    [ "table" "json" "yaml" ]
  }

  # Bring a cluster to the next minor version of Kubernetes: the control plane, then the add-ons, then the nodes
  export extern "windlass cluster upgrade" [
    --kubernetes-version: string # The version, such as 1.36 [default: the next one]
    --yes(-y)                 # Do not ask
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster upgrade provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster upgrade output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster node-pool provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster node-pool output" [] {
    [ "table" "json" "yaml" ]
  }

  # Add, delete, recreate, list or scale pools of nodes
  export extern "windlass cluster node-pool" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster node-pool provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster node-pool output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster node-pool add provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster node-pool add output" [] {
    [ "table" "json" "yaml" ]
  }

  # Add a pool, or bring one that is there into line with the flags
  export extern "windlass cluster node-pool add" [
    --machine: string         # The machine type, such as g6.xlarge [default: that of the nodes that the cluster has]
    --min: string             # At least so many nodes [default: 0]
    --max: string             # At most so many nodes [default: 1, or the minimum]
    --zone: string            # The one zone of the nodes [default: all of the cluster's]
    --spot                    # Let the cloud take the nodes back: spot instances
    --label: string           # A label of the nodes; can be given several times
    --taint: string           # A taint of the nodes; can be given several times [default: none, and nvidia.com/gpu=present:NoSchedule on GPUs]
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster node-pool add provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster node-pool add output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name
  ]

  def "nu-complete windlass cluster node-pool delete provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster node-pool delete output" [] {
    [ "table" "json" "yaml" ]
  }

  # Delete a pool: its pods are moved to other nodes first, as far as their disruption budgets allow
  export extern "windlass cluster node-pool delete" [
    --yes(-y)                 # Do not ask
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster node-pool delete provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster node-pool delete output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name
  ]

  def "nu-complete windlass cluster node-pool recreate provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster node-pool recreate output" [] {
    [ "table" "json" "yaml" ]
  }

  # Delete a pool and make it again, with what the flags say; the rest is as it was
  export extern "windlass cluster node-pool recreate" [
    --machine: string         # The machine type, such as g6.xlarge [default: that of the nodes that the cluster has]
    --min: string             # At least so many nodes [default: 0]
    --max: string             # At most so many nodes [default: 1, or the minimum]
    --zone: string            # The one zone of the nodes [default: all of the cluster's]
    --spot                    # Let the cloud take the nodes back: spot instances
    --label: string           # A label of the nodes; can be given several times
    --taint: string           # A taint of the nodes; can be given several times [default: none, and nvidia.com/gpu=present:NoSchedule on GPUs]
    --yes(-y)                 # Do not ask
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster node-pool recreate provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster node-pool recreate output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name
  ]

  def "nu-complete windlass cluster node-pool list provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster node-pool list output" [] {
    [ "table" "json" "yaml" ]
  }

  # List the pools
  export extern "windlass cluster node-pool list" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster node-pool list provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster node-pool list output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass cluster node-pool scale provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass cluster node-pool scale output" [] {
    [ "table" "json" "yaml" ]
  }

  # Change how many nodes a pool has at least and at most; "default" is the pool that every cluster has
  export extern "windlass cluster node-pool scale" [
    --min: string             # At least so many nodes
    --max: string             # At most so many nodes
    --dry-run                 # Print the plan and do nothing
    --jobs: string            # How many steps run side by side at most
    --timeout: string         # Stop after this long, such as 30m; the same command goes on
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass cluster node-pool scale provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass cluster node-pool scale output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name
  ]

  def "nu-complete windlass kubeconfig provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass kubeconfig output" [] {
    [ "table" "json" "yaml" ]
  }

  # Write the cluster's kubeconfig and its variables in .env, and print its path
  export extern "windlass kubeconfig" [
    --merge                   # Merge it into your own kubeconfig too: KUBECONFIG's first file, or ~/.kube/config
    --destination: path       # Write it into this file and nothing else; what is in the file already stays. Destroy does not know of it
    --set-current             # Make the cluster the current context there
    --service-account: string # Write a kubeconfig for this service account instead, with a token that ends by itself; it is made where it is missing
    --namespace: string       # The one namespace that it may use, and lives in [default: the whole cluster, from windlass-system]
    --role: string            # What it may do: a Role of the namespace or a ClusterRole, such as view or edit
    --for: string             # How long the token lasts, from 10m to 24h; the cluster may grant less
    --revoke                  # Take all away that windlass gave to the service account: its tokens end at once
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass kubeconfig provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass kubeconfig output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass token provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass token output" [] {
    [ "table" "json" "yaml" ]
  }

  # Print a credential for the cluster's API, as kubectl's exec plugins do
  export extern "windlass token" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass token provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass token output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass credentials provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass credentials output" [] {
    [ "table" "json" "yaml" ]
  }

  # Look at the credentials that commands would use
  export extern "windlass credentials" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass credentials provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass credentials output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass credentials check place" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass credentials check provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass credentials check output" [] {
    [ "table" "json" "yaml" ]
  }

  # Say who one is, and which of windlass's calls one may not make (exit code 4)
  export extern "windlass credentials check" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass credentials check provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass credentials check output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    place?: string@"nu-complete windlass credentials check place" # At which provider
  ]

  def "nu-complete windlass env provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass env output" [] {
    [ "table" "json" "yaml" ]
  }

  # Print the variables of the cluster, for `eval "$(windlass env)"`
  export extern "windlass env" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass env provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass env output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass clean provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass clean output" [] {
    [ "table" "json" "yaml" ]
  }

  # Remove windlass's own files from this folder: the kubeconfig, its block in .env and the record of its runs
  export extern "windlass clean" [
    --yes(-y)                 # Do not ask
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass clean provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass clean output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass doctor place" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass doctor provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass doctor output" [] {
    [ "table" "json" "yaml" ]
  }

  # Check this machine: programs, the container engine, ports, network and proxy, disk and folders (exit code 4)
  export extern "windlass doctor" [
    --kubernetes-version: string # The Kubernetes version, such as 1.36.1 [default: the provider's]
    --min-nodes: string       # At least so many nodes; on Kind, exactly so many [default: 1]
    --nodes: string           # At least so many nodes; on Kind, exactly so many [default: 1]
    --max-nodes: string       # At most so many nodes
    --node-size: string       # How large a node is: small, medium or large
    --lifetime: string        # How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards
    --http-port: string       # The port of this machine that leads to the ingress controller's http; 0: none [Kind; default: 80]
    --https-port: string      # The port of this machine that leads to the ingress controller's https; 0: none [Kind; default: 443]
    --image: string           # The node image [Kind; default: kind's own]
    --engine: string          # The container engine: docker, podman or nerdctl [Kind; default: the first that answers]
    --create-project          # Make the project too, under the name of --project or one that is made up; it goes with the cluster [Google Cloud]
    --billing-account: string # Who pays for a project that is made [Google Cloud; default: the only billing account that is open]
    --flux-manifest: string   # Flux's manifest, for networks without the internet
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass doctor provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass doctor output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    place?: string@"nu-complete windlass doctor place" # Where the cluster is to run
  ]

  def "nu-complete windlass config provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass config output" [] {
    [ "table" "json" "yaml" ]
  }

  # Write, show or describe the settings
  export extern "windlass config" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass config provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass config output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass config init provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass config init output" [] {
    [ "table" "json" "yaml" ]
  }

  # Write a windlass.toml with every setting in it, commented out; one that is there is left alone
  export extern "windlass config init" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass config init provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass config init output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass config show provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass config show output" [] {
    [ "table" "json" "yaml" ]
  }

  # Show every setting with its value; secrets by the variable that holds them
  export extern "windlass config show" [
    --origin                  # Show where each value comes from, too
    --kubernetes-version: string # The Kubernetes version, such as 1.36.1 [default: the provider's]
    --min-nodes: string       # At least so many nodes; on Kind, exactly so many [default: 1]
    --nodes: string           # At least so many nodes; on Kind, exactly so many [default: 1]
    --max-nodes: string       # At most so many nodes
    --node-size: string       # How large a node is: small, medium or large
    --lifetime: string        # How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards
    --http-port: string       # The port of this machine that leads to the ingress controller's http; 0: none [Kind; default: 80]
    --https-port: string      # The port of this machine that leads to the ingress controller's https; 0: none [Kind; default: 443]
    --image: string           # The node image [Kind; default: kind's own]
    --engine: string          # The container engine: docker, podman or nerdctl [Kind; default: the first that answers]
    --create-project          # Make the project too, under the name of --project or one that is made up; it goes with the cluster [Google Cloud]
    --billing-account: string # Who pays for a project that is made [Google Cloud; default: the only billing account that is open]
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass config show provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass config show output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass config schema provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass config schema output" [] {
    [ "table" "json" "yaml" ]
  }

  # Print the JSON schema of windlass.toml, for editors
  export extern "windlass config schema" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass config schema provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass config schema output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass support provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass support output" [] {
    [ "table" "json" "yaml" ]
  }

  # Write a text file for a bug report: versions, checks, settings, runs, and how the cluster is
  export extern "windlass support" [
    --destination: path       # The file [default: windlass-support-CLUSTER.txt]; one that is there is left alone
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass support provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass support output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass rehearse provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass rehearse output" [] {
    [ "table" "json" "yaml" ]
  }

  # Run the simulated world on its own
  export extern "windlass rehearse" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass rehearse provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass rehearse output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass rehearse serve provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass rehearse serve output" [] {
    [ "table" "json" "yaml" ]
  }

  # Serve the simulated world until interrupted, for other commands and for kubectl
  export extern "windlass rehearse serve" [
    --load-balancers          # Give Services of type LoadBalancer an address, as cloud-provider-kind does beside kind
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass rehearse serve provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass rehearse serve output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete windlass rehearse program provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass rehearse program output" [] {
    [ "table" "json" "yaml" ]
  }

  # Stand in for another program: what a rehearsed provider runs in its place
  export extern "windlass rehearse program" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass rehearse program provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass rehearse program output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    name: string              # The program's name
    ...args: string           # Its arguments
  ]

  def "nu-complete windlass completions shell" [] {
    [ "bash" "elvish" "fish" "nushell" "powershell" "zsh" ]
  }

  def "nu-complete windlass completions provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass completions output" [] {
    [ "table" "json" "yaml" ]
  }

  # Print a completion script for a shell
  export extern "windlass completions" [
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass completions provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass completions output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
    shell: string@"nu-complete windlass completions shell" # The shell
  ]

  def "nu-complete windlass man provider" [] {
    [ "aws" "azure" "google" "kind" ]
  }

  def "nu-complete windlass man output" [] {
    [ "table" "json" "yaml" ]
  }

  # Print the manual page, or write one for each command
  export extern "windlass man" [
    --dir: directory          # Write a page for each command into this folder, and print their paths
    --cluster: string         # The cluster [default: dot, or the only one in windlass.toml]
    --name: string            # The cluster [default: dot, or the only one in windlass.toml]
    --provider: string@"nu-complete windlass man provider" # Where it runs
    --region: string          # The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    --profile: string         # The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    --azure-subscription: string # The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    --azure-tenant: string    # The tenant's id [Azure; default: AZURE_TENANT_ID]
    --project: string         # The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    --location: string        # The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    --config: path            # The configuration file [default: windlass.toml, where there is one]
    --environment: string     # Which of the file's environments to lay over it
    --output(-o): string@"nu-complete windlass man output" # How to print
    --quiet(-q)               # Print results and errors only
    --verbose(-v)             # Print more; twice: even more
    --no-input                # Never ask; fail where an answer is needed
    --trace: path             # Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line, without secrets
    --rehearse                # Rehearse: the same code against a simulated world; nothing real is touched
    --rehearse-world: string  # The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    --rehearse-speed: string  # How many simulated seconds go by in one, or max
    --rehearse-faults: path   # How the simulated world misbehaves: a file, as the README describes it
    --help(-h)                # Print help (see more with '--help')
  ]

}

export use completions *
